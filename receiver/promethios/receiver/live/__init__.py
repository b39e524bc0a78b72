"""What happens now, told to those who listen, while it costs nobody else a thread."""
