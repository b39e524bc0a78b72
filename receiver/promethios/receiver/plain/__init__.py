"""Plain JSON for agents without OpenTelemetry: checked, turned into OTLP's messages, stored as they are."""
