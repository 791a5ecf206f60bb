"""PostgreSQL: one database, several processes, each with one writer of its own."""
