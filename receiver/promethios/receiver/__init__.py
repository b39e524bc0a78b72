"""Promethios: receiver."""
