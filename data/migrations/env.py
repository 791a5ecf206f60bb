"""Alembic runs this file for every command; `data.migrations.config` hands it the connection."""

from __future__ import annotations

from alembic import context

from data.tables import Table

connection = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(dialect_name="sqlite", target_metadata=Table.metadata, render_as_batch=True)
else:
    context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
