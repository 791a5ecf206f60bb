"""The trading engine: no user interface, no SQL, no Redis."""
