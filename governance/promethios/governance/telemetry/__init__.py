"""How a decision is told: one span of its own, and metrics."""
