"""`python -m bench [NAME…]`: run every bench_*.py, or those named, and print one table.

A benchmark is a module `bench/bench_NAME.py` with `main() -> list[Result]`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.result import Result

HEADINGS = ("path", "measured", "ours", "baseline", "ratio", "unit", "note")


def main(wanted: list[str]) -> int:
    """Print the table. The exit code is 2 when a named benchmark does not exist."""
    names = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(names) or 'none yet'}", file=sys.stderr)
        return 2
    if not names:
        print("There is no benchmark yet.")
        return 0
    results: list[Result] = []
    for name in wanted or names:
        print(f"measuring {name} …", file=sys.stderr)
        module = importlib.import_module(f"bench.bench_{name}")
        results.extend(module.main())
    print(table(results))
    return 0


def table(results: list[Result]) -> str:
    """The results as a Markdown table, columns aligned."""
    rows = [HEADINGS, *(row(result) for result in results)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |" for cells in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def row(result: Result) -> tuple[str, ...]:
    """One result as the table's cells; the ratio is ours over the baseline."""
    ratio = f"{result.ours / result.baseline:.2f}" if result.baseline else ""
    baseline = "" if result.baseline is None else figure(result.baseline)
    return (result.path, result.measured, figure(result.ours), baseline, ratio, result.unit, result.note)


def figure(value: float) -> str:
    """Three significant digits below a thousand, whole numbers with separators above."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
