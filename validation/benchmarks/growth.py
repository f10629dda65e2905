"""How time and memory of compiling and fitting grow with the size of a model; see README.md in this folder."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from provenance import provenance

HERE = Path(__file__).resolve().parent
#: Channels, bins of each, samples of each, nuisance parameters, fraction of samples each touches, stat errors.
SIZES: dict[str, list[tuple[int, int, int, int, float, bool]]] = {
    "cells": [(n, 100, 10, 200, 0.05, False) for n in (1, 2, 4, 8, 16, 40)],
    "nuisance parameters": [(10, 100, 10, n, 0.05, False) for n in (60, 125, 250, 500, 1000)],
    "bins": [(n, 100, 4, 200, 0.05, False) for n in (1, 2, 5, 10, 20, 40)],
    "density": [(10, 100, 10, 200, d, False) for d in (0.02, 0.1, 0.3, 1.0)],
    "bin factors": [(n, 100, 4, 100, 0.05, True) for n in (1, 2, 5, 10)],
    "channels": [(n, 4, 5, 100, 0.05, True) for n in (31, 62, 125, 250, 500)],
    "all": [(40, 100, 10, 1000, 0.05, False)],
}


#: Gradients and Hessians are evaluated so often; the quickest counts.
_CALLS = 3
T = TypeVar("T")


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds of processor time of a call, and its result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def measure(size: tuple[int, int, int, int, float, bool]) -> dict[str, Any]:
    """In this process: compile and fit one model."""
    from synthetic import synthetic_workspace

    import hftranslate as hft

    *shape, density, staterrors = size
    workspace = synthetic_workspace(*shape, density=density, staterrors=staterrors)
    small = hft.compile_model(synthetic_workspace(1, 10, 3, 10))
    hft.fit(*small)  # imports and first calls are not what grows
    compiled, (model, data) = timed(lambda: hft.compile_model(workspace))
    theta = model.parameters.init
    gradient, hessian = (
        min(timed(lambda f=f: f(theta, data))[0] for _ in range(_CALLS))  # type: ignore[misc]
        for f in (model.nll_and_gradient, model.hessian)
    )
    fitted, fit = timed(lambda: hft.fit(model, data))
    return {
        "size": size,
        "cells": len(model.cells.nominal),
        "bins": model.cells.n_bins,
        "parameters": len(theta),
        "storage": type(model.cells.additive.shifts).__name__.removesuffix("Shifts").lower(),
        "compile": compiled,
        "gradient": gradient,
        "hessian": hessian,
        "fit": fitted,
        "iterations": fit.iterations,
        "status": fit.status,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "| varied | cells | bins | parameters | storage | compile | gradient | Hessian | fit (steps) | peak memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {varied} | {r['cells']} | {r['bins']} | {r['parameters']} | {r['storage']} | "
        f"{r['compile']:.2f} s | {1e3 * r['gradient']:.1f} ms | {1e3 * r['hessian']:.0f} ms | "
        f"{r['fit']:.2f} s ({r['iterations']}) | {r['peak_mb']:.0f} MB |"
        for varied, rows in results.items()
        for r in rows
    ]
    return "\n".join(lines)


def draw(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "growth"
    varied = [("cells", "cells"), ("nuisance parameters", "parameters"), ("bins", "bins")]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for ax, (name, x) in zip(axes, varied, strict=True):
        rows = results[name]
        for what, marker in (("compile", "s"), ("hessian", "^"), ("fit", "o")):
            ax.loglog(
                [r[x] for r in rows],
                [r[what] for r in rows],
                marker=marker,
                label=what.capitalize(),
            )
        ax.set_xlabel(x)
        ax.grid(alpha=0.3)
        memory = ax.twinx()
        memory.semilogx([r[x] for r in rows], [r["peak_mb"] for r in rows], color="0.5", ls=":", label="peak memory")
        memory.set_ylim(0.0, 1.2 * max(r["peak_mb"] for n, _ in varied for r in results[n]))
        if ax is axes[-1]:
            memory.set_ylabel("peak memory [MB], dotted")
    axes[0].set_ylabel("seconds")
    axes[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="only the smaller half of each; nothing is stored")
    parser.add_argument("--vary", nargs="+", choices=SIZES, default=list(SIZES))
    options = parser.parse_args()
    if options.one:
        print("RESULT " + json.dumps(measure(tuple(json.loads(options.one)))))
        return
    results: dict[str, list[dict[str, Any]]] = {}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for varied in options.vary:
        results[varied] = []
        sizes = SIZES[varied]
        for size in sizes[: (len(sizes) + 1) // 2] if options.quick else sizes:
            command = [sys.executable, str(HERE / "growth.py"), "--one", json.dumps(size)]
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            line = next(text for text in run.stdout.splitlines() if text.startswith("RESULT "))
            results[varied].append(json.loads(line.removeprefix("RESULT ")))
            row = results[varied][-1]
            what = f"{row['cells']} cells, {row['bins']} bins, {row['parameters']} parameters"
            print(f"{varied}: {what}: fit {row['fit']:.2f} s", file=sys.stderr, flush=True)
    print(table(results))
    if options.vary == list(SIZES) and not options.quick:
        draw(results, HERE / "growth.svg")
        document = {**provenance(), "results": results}
        (HERE / "growth.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
