"""The receiver's commands."""
