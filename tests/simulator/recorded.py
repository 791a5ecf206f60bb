"""Recorded data beside the checkout: a stranger's clone has none and skips, our own build must have it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "data"


def recorded(name: str) -> Path:
    """The recorded file of this name."""
    path = FOLDER / name
    if not path.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path} is missing, and CI=true promises it")
        pytest.skip(f"the recorded file {path} is not part of a clone")
    return path
