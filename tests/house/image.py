"""Reads Dockerfile and .dockerignore far enough to say what the image holds and how it starts."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.house.tree import ROOT


@dataclass(frozen=True)
class Instruction:
    """One instruction with its continuation lines joined, as in `("COPY", "engine engine")`."""

    name: str
    value: str


def stages() -> list[list[Instruction]]:
    """The Dockerfile's build stages in order, each beginning with its FROM."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found: list[list[Instruction]] = []
    for line in filter(None, map(str.strip, lines)):
        instruction = Instruction(*line.split(maxsplit=1))
        if instruction.name == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def values(stage: list[Instruction], name: str) -> list[str]:
    """What follows an instruction of that name, each time that it stands in the stage."""
    return [instruction.value for instruction in stage if instruction.name == name]


def environment(stage: list[Instruction]) -> dict[str, str]:
    """The variables that the stage sets with ENV."""
    pairs = [pair.partition("=") for value in values(stage, "ENV") for pair in shlex.split(value)]
    return {name: value for name, _, value in pairs}


def command(value: str) -> list[str]:
    """The words of an instruction in exec form; of a HEALTHCHECK, those after CMD."""
    words: list[str] = json.loads(value[value.index("[") :])
    return words


def shipped_files() -> list[PurePosixPath]:
    """What the build copies out of the project, as paths from its root."""
    sources = [source for value in values(stages()[0], "COPY") for source in value.split()[:-1]]
    files = [
        file
        for source in sources
        for file in ([ROOT / source] if (ROOT / source).is_file() else (ROOT / source).rglob("*"))
    ]
    paths = [PurePosixPath(file.relative_to(ROOT).as_posix()) for file in sorted(files) if file.is_file()]
    return [path for path in paths if not is_ignored(path)]


def is_ignored(path: PurePosixPath) -> bool:
    """Whether .dockerignore keeps the path out of the build: the last pattern that matches it or a parent decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and any(matches(part, pattern) for part in (path, *path.parents)):
            ignored = not line.startswith("!")
    return ignored


def matches(path: PurePosixPath, pattern: str) -> bool:
    """Docker's pattern language, as far as ours goes: `*` stays within a folder, `**/` crosses any number of them."""
    expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, str(path)) is not None and str(path) != "."


def copy_shipped_tree(target: Path) -> None:
    """What the image holds under /app, its libraries apart."""
    for path in shipped_files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes((ROOT / path).read_bytes())
