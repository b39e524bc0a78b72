"""OTLP in: HTTP and gRPC, protobuf and JSON, to one decoded request."""
