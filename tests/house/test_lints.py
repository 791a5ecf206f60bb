"""The lints hold over the whole product, and each of them sees what it is for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.house.lints import (
    Rule,
    environment_read,
    scripts_reach_the_browser,
    state_in_a_module,
    tasks_without_an_owner,
    time_and_chance_read,
)
from tests.house.tree import PACKAGES, ROOT, product_files, relative

RUNTIME = "engine/runtime.py"
SETTINGS = "numatix/settings.py"


def findings(rule: Rule, files: Iterable[Path], *, but_for: str = "") -> list[str]:
    """What the rule finds in the files, as lines that an editor can jump to."""
    return [
        f"{relative(file)}:{line}: {message}"
        for file in files
        if relative(file) != but_for
        for line, message in rule(ast.parse(file.read_text(), file.name))
    ]


def expect_none(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


def test_no_page_or_widget_builds_markup_or_script_from_data() -> None:
    expect_none(findings(scripts_reach_the_browser, product_files("pages", "components", "numatix")))


def test_no_script_beside_a_widget_builds_markup_or_code_from_data() -> None:
    markup = re.compile(
        r"v-html|\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write"
        r"|(?<!contentWindow\.)\beval\(|new Function\b"
    )
    found = [
        f"{relative(file)}: {hit}"
        for file in product_files("pages", "components", suffix=".js")
        for hit in markup.findall(file.read_text())
    ]
    expect_none(found)


def test_only_the_supervisor_starts_tasks() -> None:
    expect_none(findings(tasks_without_an_owner, product_files(), but_for=RUNTIME))


def test_only_the_settings_read_the_environment() -> None:
    expect_none(findings(environment_read, product_files(), but_for=SETTINGS))


def test_only_the_runtime_reads_the_clock_or_draws_at_random() -> None:
    expect_none(findings(time_and_chance_read, product_files(), but_for=RUNTIME))


def test_no_module_holds_mutable_state() -> None:
    expect_none(findings(state_in_a_module, product_files()))


def test_no_check_is_switched_off_in_the_code() -> None:
    switches = re.compile(
        r"#\s*(?:noqa|type:\s*ignore|pyright:\s*ignore|pragma: no cover|fmt: off)|\bTODO\b|\bFIXME\b|\bXXX\b"
    )
    found = [
        f"{relative(file)}: {hit}"
        for file in product_files(*PACKAGES, "tests", "bench")
        if file != Path(__file__)
        for hit in switches.findall(file.read_text())
    ]
    expect_none(found)


def test_no_test_is_skipped() -> None:
    """But those of recorded data, which a stranger's clone has not got; with CI=true they fail there too."""
    recorded_data = ROOT / "tests/simulator/recorded.py"
    switches = re.compile(r"\bpytest\.(?:skip|xfail|importorskip)\b|\bmark\.(?:skip|skipif|xfail)\b")
    found = [
        f"{relative(file)}: {hit}"
        for file in product_files("tests")
        if file not in {Path(__file__), recorded_data}
        for hit in switches.findall(file.read_text())
    ]
    expect_none(found)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (scripts_reach_the_browser, "ui.html(text, sanitize=False)"),
        (scripts_reach_the_browser, "ui.aggrid(options, html_columns=[0])"),
        (scripts_reach_the_browser, "table.add_slot('body', '<td v-html=\"props.value\"/>')"),
        (scripts_reach_the_browser, "ui.run_javascript(f'alert({name})')"),
        (scripts_reach_the_browser, "client.run_javascript('alert(%s)' % name)"),
        (scripts_reach_the_browser, "client.run_javascript('alert({})'.format(name))"),
        (tasks_without_an_owner, "asyncio.create_task(work())"),
        (tasks_without_an_owner, "loop.create_task(work())"),
        (tasks_without_an_owner, "asyncio.ensure_future(work())"),
        (tasks_without_an_owner, "async def f():\n    async with asyncio.TaskGroup() as group: ..."),
        (tasks_without_an_owner, "from nicegui import background_tasks"),
        (environment_read, "port = os.environ['PORT']"),
        (environment_read, "port = os.getenv('PORT')"),
        (environment_read, "from os import environ"),
        (time_and_chance_read, "at = time.time()"),
        (time_and_chance_read, "at = datetime.datetime.now(UTC)"),
        (time_and_chance_read, "id = uuid.uuid4()"),
        (time_and_chance_read, "x = random.random()"),
        (time_and_chance_read, "from time import monotonic"),
        (time_and_chance_read, "from random import choice"),
        (state_in_a_module, "sessions = {}"),
        (state_in_a_module, "sessions: dict[str, Session] = dict()"),
        (state_in_a_module, "waiting = collections.deque[int]()"),
        (state_in_a_module, "def f():\n    global count"),
    ],
)
def test_a_lint_sees_what_it_is_for(rule: Rule, code: str) -> None:
    assert list(rule(ast.parse(code))) != []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (scripts_reach_the_browser, "ui.html(text)\nui.run_javascript('location.reload()')"),
        (tasks_without_an_owner, "supervisor.run('pump', pump())"),
        (environment_read, "settings = Settings()\nenvironment = settings.environment"),
        (time_and_chance_read, "at = clock.now()\nx = randomness.random()\nfrom datetime import datetime"),
        (state_in_a_module, "LIMITS = {'a': 1}\n__all__ = ['LIMITS']\nnames = ('a', 'b')\ndef f():\n    local = []"),
    ],
)
def test_a_lint_lets_pass_what_is_right(rule: Rule, code: str) -> None:
    assert list(rule(ast.parse(code))) == []


def test_the_lints_read_every_package() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in product_files()} == set(PACKAGES)
