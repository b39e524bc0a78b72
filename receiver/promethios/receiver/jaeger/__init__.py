"""``/jaeger``: Jaeger's query API, for Grafana's Explore and whatever else reads Jaeger."""
