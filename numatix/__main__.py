"""The command line: `python -m numatix` serves; other commands are looked up only when named."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command that the arguments name; the exit code."""
    if sys.argv[1:] in ([], ["serve"]):
        # Nothing is started yet: until `serve` takes over, Ctrl-C simply ends the process, without a trace.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        from numatix.serve import serve

        return serve()
    from numatix.commands import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
