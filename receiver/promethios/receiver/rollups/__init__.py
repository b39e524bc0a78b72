"""Counts by minute and by hour, kept beside the rows, so that a long range is answered from few of them."""
