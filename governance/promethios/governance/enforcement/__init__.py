"""Where decisions act: guards around calls, the gate in front of tracers, and redaction on the way out."""
