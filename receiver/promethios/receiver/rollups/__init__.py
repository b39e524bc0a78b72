"""Counts by minute, hour and day, kept beside the rows, so that a long range is answered from few of them."""
