"""Grafana dashboards as code, the JSON they make, and the files that provision them.

Only the generator (:mod:`promethios.dashboards.build` and what it imports) needs grafana-foundation-sdk, a
development dependency. Exporting the committed JSON needs nothing but this package.
"""
