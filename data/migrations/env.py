"""Alembic runs this file for every command; `data.migrations.config` hands it the connection, or a dialect's name."""

from __future__ import annotations

from alembic import context

from data.tables import Table

given = context.config.attributes
if context.is_offline_mode():
    context.configure(dialect_name=given["dialect"], target_metadata=Table.metadata, render_as_batch=True)
else:
    context.configure(connection=given["connection"], target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
