"""Promethios: dashboards."""
