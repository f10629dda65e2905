"""How often a fit ends above a minimum that exists: random uneven models, judged by many other fits; see README.md."""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray
from scipy.optimize import minimize as scipy_minimize

from hftranslate.inference.fit import fit
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.model import Data, Model
from validation.benchmarks.uneven import KINDS, models

Floats = NDArray[np.float64]
#: NLL by which a fit has to be above the judge's to count.
ABOVE = 1e-3
#: Starts that are tried for each one inside the domain.
_TRIES = 20


class Judge:
    """Fits of one data set by MIGRAD and L-BFGS-B as their packages have them, from any point."""

    def __init__(self, model: Model, data: Data) -> None:
        self.model, self.data = model, data
        p = model.parameters
        self.free = np.flatnonzero(~p.fixed)
        self.low, self.high = p.bounds[self.free].T
        self.unit = np.where(p.width > 0.0, p.width, np.maximum(np.abs(p.init), 0.1))[self.free]

    def full(self, x: Floats) -> Floats:
        """All parameters."""
        theta = self.model.parameters.init.copy()
        theta[self.free] = x
        return theta

    def value(self, x: Floats) -> float:
        """The NLL above the saturated model, a large number outside the domain."""
        value = self.model.excess_nll(self.full(x), self.data)
        return value if np.isfinite(value) else 1e10

    def gradient(self, x: Floats) -> Floats:
        """Its gradient, zero outside the domain."""
        gradient = self.model.excess_and_gradient(self.full(x), self.data)[1][self.free]
        return np.where(np.isfinite(gradient), gradient, 0.0)

    def minuit(self, start: Floats) -> float:
        """Where MIGRAD ends."""
        m = Minuit(self.value, start, grad=self.gradient)
        m.errordef, m.strategy, m.tol = Minuit.LIKELIHOOD, 1, 1e-4
        m.limits = list(zip(self.low, self.high, strict=True))
        m.errors = self.unit
        m.migrad(ncall=20_000, iterate=5)
        return self.value(np.clip(np.array(m.values), self.low, self.high))

    def scipy(self, start: Floats) -> float:
        """Where L-BFGS-B ends, restarted as long as it moves."""
        y = start / self.unit
        for _ in range(5):
            found = scipy_minimize(  # type: ignore[call-overload]  # its stubs want more than it does
                lambda z: self.value(z * self.unit),
                y,
                jac=lambda z: self.gradient(z * self.unit) * self.unit,
                method="L-BFGS-B",
                bounds=list(zip(self.low / self.unit, self.high / self.unit, strict=True)),
                options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-8, "maxcor": 20},
            )
            moved, y = not np.array_equal(y, found.x), found.x
            if not moved:
                break
        return self.value(np.clip(y * self.unit, self.low, self.high))

    def starts(self, rng: np.random.Generator, n: int) -> Iterator[Floats]:
        """Random points of the domain: one and a half widths of the constraints, free parameters anywhere near."""
        p = self.model.parameters
        init, width = p.init[self.free], p.width[self.free]
        for _ in range(n):
            for _ in range(_TRIES):
                near = init + 1.5 * width * rng.normal(size=len(init))
                wide = np.where(
                    rng.random(len(init)) < 0.5, init * np.exp(rng.normal(size=len(init))), rng.normal(0, 3, len(init))
                )
                x = np.clip(np.where(width > 0.0, near, wide), self.low, self.high)
                if self.value(x) < 1e9:
                    yield x
                    break

    def best(self, rng: np.random.Generator, n: int) -> tuple[float, str]:
        """The lowest value, and who found it."""
        x0 = np.clip(self.model.parameters.init[self.free], self.low, self.high)
        found = [(self.minuit(x0), "minuit"), (self.scipy(x0), "scipy")]
        found += [(self.scipy(x), f"start {i}") for i, x in enumerate(self.starts(rng, n))]
        return min(found)


def judged(args: argparse.Namespace) -> dict[str, tuple[float, str]]:
    """The judge's values, from its file where they are there."""
    known: dict[str, Any] = json.loads(args.judge.read_text()) if args.judge.is_file() else {}
    for kind in args.kinds:
        for name, _, model, data in models(kind, args.seed, args.number):
            if name not in known:
                known[name] = Judge(model, data).best(np.random.default_rng(args.seed), args.starts)
        args.judge.write_text(json.dumps(known))
    return known


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    known = judged(args)
    rows = []
    for kind in args.kinds:
        for name, _, model, data in models(kind, args.seed, args.number):
            best, by = known[name]
            for minimizer in args.minimizers:
                options = FitOptions(minimizer=minimizer, raise_on_failure=False, other_minima=not args.first)
                start = time.process_time()
                found = fit(model, data, options=options)
                seconds = time.process_time() - start
                value = found.excess_nll if np.isfinite(found.excess_nll) else 1e10
                rows.append(
                    {
                        "model": name, "kind": kind, "minimizer": minimizer, "status": found.status,
                        "ours": value, "best": best, "by": by, "above": value - best, "seconds": seconds,
                        "said": found.status not in ("converged", "kink") or not found.sure,
                    }
                )  # fmt: skip
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| minimizer | kind | models | above | of them silent | below | statuses | ms |", "|" + "---|" * 8]
    minimizers = list(dict.fromkeys(r["minimizer"] for r in rows))
    for minimizer in minimizers:
        for kind in [*dict.fromkeys(r["kind"] for r in rows), "all"]:
            these = [r for r in rows if r["minimizer"] == minimizer and kind in (r["kind"], "all")]
            above = [r for r in these if r["above"] > ABOVE]
            statuses = ", ".join(f"{n} {s}" for s, n in Counter(r["status"] for r in these).most_common())
            lines.append(
                f"| {minimizer} | {kind} | {len(these)} | {len(above)} | {sum(not r['said'] for r in above)} "
                f"| {sum(r['above'] < -ABOVE for r in these)} | {statuses} "
                f"| {1e3 * sum(r['seconds'] for r in these) / max(len(these), 1):.1f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=40, help="models of each kind")
    parser.add_argument("--starts", type=int, default=8, help="random starts of the judge")
    parser.add_argument("--minimizers", nargs="+", default=["newton"])
    parser.add_argument("--first", action="store_true", help="without a search for other minima")
    parser.add_argument("--judge", type=Path, default=Path("judge.json"), help="file that keeps the judge's values")
    parser.add_argument("--list", action="store_true", help="every fit above the judge's")
    arguments = parser.parse_args()
    with np.errstate(all="ignore"):
        results = run(arguments)
    print(table(results))
    if arguments.list:
        for r in sorted(results, key=lambda r: -r["above"]):
            if r["above"] > ABOVE:
                print(*(r[key] for key in ("model", "minimizer", "status", "ours", "best", "by", "above")))
