"""The house's own lints: each reads one parsed file and yields what it finds.

Ruff and pyright know Python; these know this project. Every rule names the accident behind it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

Finding = tuple[int, str]
Rule = Callable[[ast.Module], Iterator[Finding]]

MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict", "SortedDict"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}
READINGS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "localtime", "gmtime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "uuid": {"uuid1", "uuid4", "uuid6", "uuid7"},
}


def scripts_reach_the_browser(tree: ast.Module) -> Iterator[Finding]:
    """Markup or script built from data ran in a user's browser (field notes, NiceGUI)."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                name = last_name(function)
                for keyword in keywords:
                    if keyword.arg == "sanitize" and is_false(keyword.value):
                        yield node.lineno, "sanitize=False lets markup run"
                    if keyword.arg == "html_columns" and name == "aggrid":
                        yield node.lineno, "aggrid(html_columns=…) lets markup run"
                if name == "run_javascript" and arguments and not isinstance(arguments[0], ast.Constant | ast.Name):
                    yield (
                        node.lineno,
                        "run_javascript of text put together from parts: pass data to a component's method",
                    )
            case ast.Constant(value=str(text)) if "v-html" in text:
                yield node.lineno, "v-html lets markup run"
            case _:
                pass


def tasks_without_an_owner(tree: ast.Module) -> Iterator[Finding]:
    """A task that nobody owns dies unseen, or lives on after its page."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and last_name(node.func) in {"create_task", "ensure_future", "TaskGroup"}:
            yield node.lineno, f"{last_name(node.func)}: only engine.runtime's Supervisor starts tasks"
        if isinstance(node, ast.Attribute | ast.alias) and last_name(node) == "background_tasks":
            yield node.lineno, "NiceGUI's background_tasks: only engine.runtime's Supervisor starts tasks"


def environment_read(tree: ast.Module) -> Iterator[Finding]:
    """A setting read on the side is one that nobody checks at start."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.alias) and last_name(node) in ENVIRONMENT:
            yield node.lineno, f"os.{last_name(node)}: only numatix/settings.py reads the environment"


def time_and_chance_read(tree: ast.Module) -> Iterator[Finding]:
    """What reads the clock or draws a number by itself cannot be replayed. Secrets must not be: they are free."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in READINGS.get(last_name(owner), ()):
                yield node.lineno, f"{last_name(owner)}.{name}: take engine.runtime's Clock, Ids or Randomness"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="random"), attr=name)) if name != "SystemRandom":
                yield node.lineno, "random: take engine.runtime's Randomness"
            case ast.ImportFrom(module="time" | "random" | "uuid" as module, names=names):
                for alias in names:
                    if module == "random" or alias.name in READINGS[module]:
                        yield node.lineno, f"{module}.{alias.name}: take engine.runtime's Clock, Ids or Randomness"
            case _:
                pass


def state_in_a_module(tree: ast.Module) -> Iterator[Finding]:
    """State in a module is shared by every user and every test, and is dropped by NiceGUI's test reset."""
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if not is_constant_name(name) and is_mutable(value):
                yield statement.lineno, f"{name} is mutable state of a module"
            case _:
                pass
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node.lineno, f"global {', '.join(node.names)}: state of a module"


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`, of `c`, of an import of `c`; nothing for anything else."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.alias(name=name):
            return name.rpartition(".")[2]
        case _:
            return ""


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def is_constant_name(name: str) -> bool:
    return name.isupper() or (name.startswith("__") and name.endswith("__"))


def is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return last_name(value.func) in MUTABLE_CALLS or (
            isinstance(value.func, ast.Subscript) and last_name(value.func.value) in MUTABLE_CALLS
        )
    return isinstance(value, MUTABLE_DISPLAYS)
