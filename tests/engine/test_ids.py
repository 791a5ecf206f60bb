"""Identifiers: never twice, in the order of time, and not shared with a fork."""

from __future__ import annotations

import subprocess
import sys
import uuid

from engine.runtime import IDS_DRAWN_AT_ONCE, SystemIds


def test_ids_are_unique_and_of_version_7_over_several_draws():
    ids = SystemIds()
    made = [ids.new() for _ in range(3 * IDS_DRAWN_AT_ONCE)]
    assert len(set(made)) == len(made)
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {(7, uuid.RFC_4122)}


def test_ids_sort_by_the_millisecond_in_which_they_were_made():
    ids = SystemIds()
    stamps = [ids.new()[:12] for _ in range(2 * IDS_DRAWN_AT_ONCE)]
    assert stamps == sorted(stamps)


def test_a_fork_makes_ids_of_its_own():
    script = (
        "import os; from engine.runtime import SystemIds; ids = SystemIds(); ids.new(); child = os.fork()\n"
        "os.write(1, ''.join(ids.new()[12:] + '\\n' for _ in range(50)).encode())\n"
        "if child: os.waitpid(child, 0)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    drawn = answer.stdout.split()
    assert len(set(drawn)) == len(drawn) == 100
