"""The locks say all that is installed, and they say what pyproject.toml asks for."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

RUN = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN_DEPENDENCIES: list[str] = PROJECT["project"]["dependencies"]
DEVELOPMENT_DEPENDENCIES: list[str] = [*RUN_DEPENDENCIES, *PROJECT["dependency-groups"]["dev"]]
BOTH = pytest.mark.parametrize(
    ("path", "dependencies"),
    [(RUN, RUN_DEPENDENCIES), (DEVELOPMENT, DEVELOPMENT_DEPENDENCIES)],
    ids=["requirements.lock", "requirements-dev.lock"],
)


@dataclass(frozen=True)
class Pin:
    """One version of a distribution in a lock, and where it applies."""

    name: str
    version: str
    marker: str
    hashes: int


def pins(path: Path) -> list[Pin]:
    """Every pin of a lock; a name can stand there once for each range of Python versions."""
    found: list[Pin] = []
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", path.read_text()):
        head = re.match(r"([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))? \\\n", block)
        if head is not None:
            name, version, marker = head.groups(default="")
            found.append(Pin(canonicalize_name(name), version, marker, block.count("--hash=sha256:")))
    return found


def pinned_here(path: Path) -> dict[str, str]:
    """Name and version of what the lock installs on this platform."""
    return {pin.name: pin.version for pin in pins(path) if not pin.marker or Marker(pin.marker).evaluate()}


@BOTH
def test_every_dependency_is_pinned_to_a_version_that_it_allows(path: Path, dependencies: list[str]) -> None:
    pinned = pinned_here(path)
    requirements = [Requirement(dependency) for dependency in dependencies]
    stale = [
        str(requirement)
        for requirement in requirements
        if (version := pinned.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(version, prereleases=True)
    ]
    assert stale == [], "run `make lock`"


@BOTH
def test_a_lock_is_complete_so_that_nothing_is_left_to_resolve(path: Path, dependencies: list[str]) -> None:
    pinned = pinned_here(path)
    waiting = [Requirement(dependency) for dependency in dependencies]
    seen: set[tuple[str, str]] = set()
    missing: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in pinned or not requirement.specifier.contains(pinned[name], prereleases=True):
            missing.add(str(requirement))
            continue
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting.extend(requirements_of(name, extra))
    assert missing == set(), "run `make lock`"


def requirements_of(name: str, extra: str) -> list[Requirement]:
    """What the installed distribution asks for on this platform, with one of its extras or with none."""
    requirements = [Requirement(line) for line in importlib.metadata.requires(name) or []]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    ]


@BOTH
def test_every_pin_carries_hashes_and_no_lock_names_a_host(path: Path, dependencies: list[str]) -> None:
    text = path.read_text()
    assert [pin.name for pin in pins(path) if pin.hashes == 0] == []
    assert len(pins(path)) == len(re.findall(r"(?m)^[A-Za-z0-9]", text))
    assert re.findall(r"(?m)://|^\s*-|--index|--extra-index|--find-links|--trusted-host| @ ", strip_hashes(text)) == []


def strip_hashes(text: str) -> str:
    return re.sub(r"(?m)^    --hash=sha256:[0-9a-f]{64}( \\)?$", "", text)


def test_the_development_lock_holds_the_other_at_the_same_versions() -> None:
    run, development = ({(pin.name, pin.version, pin.marker) for pin in pins(path)} for path in (RUN, DEVELOPMENT))
    assert run - development == set()
