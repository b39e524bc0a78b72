"""Alembic's migrations, shipped in the wheel and run when the receiver starts."""
