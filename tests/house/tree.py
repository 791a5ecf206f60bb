"""Where the project's files are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("numatix", "pages", "components", "engine", "data")


def product_files(*packages: str, suffix: str = ".py") -> Iterator[Path]:
    """The files of the named packages, of all five when none is named, in a stable order."""
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob(f"*{suffix}"))


def relative(path: Path) -> str:
    """The path as the project's reader knows it."""
    return path.relative_to(ROOT).as_posix()
