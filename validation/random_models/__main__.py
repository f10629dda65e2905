"""Random measurements, evaluated by real ROOT and by us, and random workspaces, the XML that we make of them, and ROOT.

    python -m validation.random_models --n 2000 --seed 1
    python -m validation.random_models --n 500 --seed 1 --kind json

ROOT is that of ``$ROOT_PYTHON``, or of this Python. Differences are made as small as possible and shown. The exit code
is 1 where something differs.
"""

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from validation.random_models.files import documents
from validation.random_models.root_process import RootProcess
from validation.random_models.run import Case, judge_any, run, save, smallest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them and print a table."""
    options = _options(arguments)
    started = time.monotonic()
    table = _Table()
    for done, case in enumerate(_cases(options), start=1):
        table.add(case)
        if options.keep is not None and case.verdict.kind == "differ":
            options.keep.mkdir(parents=True, exist_ok=True)
            save(case, options.keep / f"{options.kind}-{case.seed}.json")
        if sys.stderr.isatty():
            print(f"\r{done}", end="", file=sys.stderr, flush=True)
    print(f"{sum(table.kinds.values())} random models ({options.kind}), {time.monotonic() - started:.0f} s")
    for line in table.lines(None if options.no_minimise else options.root_python):
        print(line, flush=True)
    return 1 if table.kinds["differ"] else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m validation.random_models", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--n", type=int, default=300, help="how many models (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first; the next has the next (default: 1)")
    parser.add_argument("--kind", choices=["xml", "json"], default="xml", help="measurements, or pyhf's workspaces")
    parser.add_argument("--recipe", type=Path, nargs="*", help="judge these, which --keep has kept, instead")
    parser.add_argument("--root-python", default=os.environ.get("ROOT_PYTHON") or sys.executable)
    parser.add_argument("--keep", type=Path, help="write the recipe of each difference into this folder")
    parser.add_argument("--no-minimise", action="store_true", help="do not look for the smallest model that differs")
    return parser.parse_args(arguments)


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    if not options.recipe:
        yield from run(options.root_python, range(options.seed, options.seed + options.n), options.kind)
        return
    with RootProcess(options.root_python) as root:
        for path in options.recipe:
            yield judge_any(root, options.seed, json.loads(path.read_text(encoding="utf-8")))


class _Table:
    """What came of all models."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.largest = 0.0
        self.cases: dict[tuple[str, str], list[Case]] = {}

    def add(self, case: Case) -> None:
        v = case.verdict
        self.kinds[v.kind] += 1
        if v.kind == "agree":
            self.largest = max(self.largest, v.size)
        else:
            self.cases.setdefault((v.kind, v.what if v.kind == "differ" else _plain(v.what)), []).append(case)

    def lines(self, python: str | None) -> Iterator[str]:
        """The table; with a Python with ROOT also the smallest model of each difference."""
        for kind, n in sorted(self.kinds.items()):
            yield f"{n:7d}  {kind}" + (f", largest relative difference {self.largest:.1e}" if kind == "agree" else "")
        for (kind, what), cases in sorted(self.cases.items(), key=lambda c: (c[0][0] != "differ", -len(c[1]))):
            first = cases[0]
            yield f"{len(cases):7d}  {kind}: {what}, first with seed {first.seed}"
            if kind == "differ":
                yield f"         {first.verdict.where}"
                if python is not None:
                    yield from _shown(smallest(python, first))


def _plain(reason: str) -> str:
    """A reason without the names and numbers in it."""
    last = reason.strip().splitlines()[0 if len(reason) < 200 else -1]
    return re.sub(r"'[^']*'|[-+]?\d+(\.\d+)?(e[-+]?\d+)?|\[.*\]", "_", last)[:150]


def _shown(case: Case) -> Iterator[str]:
    yield f"         smallest: {case.verdict.where}"
    if "observations" in case.recipe:
        yield f"           {json.dumps(case.recipe)}"
        return
    texts, histograms = documents(case.recipe)
    for name, text in texts.items():
        yield f"           {name}: " + text.replace("\n", " ")
    for name, h in histograms.items():
        errors = "" if h["errors"] is None else f" +- {h['errors']}"
        yield f"           {name}: {h['class']} {h['contents']}{errors}"


if __name__ == "__main__":
    sys.exit(main())
