"""From a decoded request to committed rows: validate each item, normalise it, queue it, commit it."""
