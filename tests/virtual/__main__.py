"""`python -m tests.virtual SEED…`: tell what happened in the worlds of these seeds, and what was wrong."""

from __future__ import annotations

import sys

from tests.virtual.quiet import without_logs
from tests.virtual.world import run_seed


def main(seeds: list[int]) -> int:
    """The number of worlds in which an invariant broke."""
    broken = 0
    with without_logs():
        for seed in seeds:
            verdict = run_seed(seed)
            sys.stdout.write(f"{verdict.trace.text()}\nseed {seed}: {verdict.trace.digest()}\n")
            sys.stdout.write("".join(f"broken: {fault}\n" for fault in verdict.faults) or "everything held\n")
            broken += bool(verdict.faults)
    return broken


if __name__ == "__main__":
    sys.exit(min(1, main([int(text) for text in sys.argv[1:]])))
