"""Alerts without Grafana: rules evaluated here, told through webhooks of ours or through Apprise."""
