"""Promethios: exporter."""
