"""The store: the schema, its migrations, and SQLite as the first database behind them."""
