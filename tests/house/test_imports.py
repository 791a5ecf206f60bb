"""Who may import whom, and that our package names are ours alone."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from tests.house.tree import PACKAGES, ROOT, product_files, relative

LINT_IMPORTS = "import importlinter.cli; importlinter.cli.lint_imports_command()"


def test_the_import_contracts_hold() -> None:
    report = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.returncode == 0, report.stdout + report.stderr
    assert " 0 broken" in report.stdout


@pytest.mark.parametrize("name", [*PACKAGES, "tests", "bench"])
def test_no_installed_distribution_ships_a_package_of_our_name(name: str) -> None:
    owners = importlib.metadata.packages_distributions().get(name, [])
    assert set(owners) <= {"numatix"}


def test_every_folder_of_code_and_tests_is_a_package() -> None:
    # Alembic loads its revisions by path; they are no modules of ours.
    revisions = ROOT / "data" / "migrations" / "versions"
    folders = {file.parent for file in product_files(*PACKAGES, "tests", "bench")} - {revisions}
    missing = sorted(relative(folder) for folder in folders if not (folder / "__init__.py").exists())
    assert missing == []
