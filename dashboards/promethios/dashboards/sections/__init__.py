"""Panels by their subject; dashboards put them into rows, and several show the same one.

Each function builds one panel at a `Place`: the dashboard's own id for it, and its size there.
"""
