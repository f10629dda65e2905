"""What every peer script does: read a patched workspace, time the four quantities, print JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def timed(function: Callable[[], Any], repeat: int, at_least: float = 0.0) -> tuple[float, Any]:
    """Median duration of a call in seconds, and its last result; very short calls are repeated until they add up.

    Processor time, of one thread: on a shared machine the clock on the wall measures the neighbours, too.
    """
    result = function()  # does not count: imports, caches
    times = []
    for _ in range(repeat):
        calls, start = 0, time.process_time()
        while calls == 0 or time.process_time() - start < at_least:
            result = function()
            calls += 1
        times.append((time.process_time() - start) / calls)
    return statistics.median(times), result


def arguments() -> tuple[str, int]:
    """The text of the workspace, and how often to repeat."""
    return Path(sys.argv[1]).read_text(), int(sys.argv[2])


def report(**values: Any) -> None:
    """Print the numbers for the caller."""
    print("RESULT " + json.dumps(values))
