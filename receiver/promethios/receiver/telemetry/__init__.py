"""What the receiver says about itself: counts, ``/metrics``, and OTLP to somebody else."""
