"""Who may do what: keys, and the one place that decides, for HTTP and for gRPC."""
