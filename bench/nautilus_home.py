"""An environment of its own for nautilus_trader, which needs a newer Python than ours: made once, under `var/`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
VERSION: Final = "1.231.0"
HOME: Final = ROOT / "var" / "bench" / f"nautilus_trader-{VERSION}"
PYTHONS: Final = ("python3.12", "python3.13", "python3.14")


class NoBaselineError(Exception):
    """Why nautilus_trader cannot be measured here; a sentence with the mend."""


def nautilus_python() -> Path:
    """The interpreter of the environment, which is made when there is none yet. NoBaselineError when that fails."""
    python = HOME / "bin" / "python"
    if (HOME / "complete").exists():
        return python
    print(f"making an environment for nautilus_trader {VERSION} in {HOME}, once (about 1 GB) …", file=sys.stderr)
    shutil.rmtree(HOME, ignore_errors=True)
    run(new_enough(), "-m", "venv", str(HOME))
    run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"nautilus_trader=={VERSION}")
    (HOME / "complete").touch()
    return python


def new_enough() -> str:
    """A Python of 3.12 or later on this machine."""
    on_path = [found for name in PYTHONS if (found := shutil.which(name)) is not None]
    by_pyenv = [str(path) for name in PYTHONS for path in Path.home().glob(f".pyenv/versions/*/bin/{name}")]
    for python in (*on_path, *by_pyenv):
        if subprocess.run([python, "-c", "import venv"], check=False, capture_output=True).returncode == 0:
            return python
    raise NoBaselineError("nautilus_trader needs Python 3.12 or later beside ours: install one, or put it on the PATH")


def run(*command: str) -> None:
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        raise NoBaselineError(f"{' '.join(command)} failed: {made.stderr.strip()[-800:]}")
