"""The composition root: it may import everything, and nothing imports it."""

VERSION = "0.1.0"
"""As `pyproject.toml` has it; a test holds the two together."""
