"""Fits of many toys at once, by JAX on the device at hand and by the engine's own batch; see README.md in this folder.

    python validation/benchmarks/device.py [--models RegionA 1Lbb_900_100] [--toys 1000]

JAX takes a GPU where it finds one, else the CPU. What its first call takes beyond the others is compilation.
"""

import argparse
import json
import time

import jax
import numpy as np
from speed import MODELS, workspace

import hftranslate as hft
from hftranslate.formats.pyhf_json import from_document
from hftranslate.inference.minimize import minimize_many
from hftranslate.inference.together import Fits
from hftranslate.tensors.many import fitter
from hftranslate.toys.fits import TOY_OPTIONS

#: Differences of minima of the NLL that are rounding and tolerance; above, two methods found two minima.
_SAME = 1e-6


def measured(name: str, n_toys: int) -> dict[str, object]:
    """Toys a second of both, by the clock, and how their minima compare."""
    model, data = hft.compile_model(from_document(workspace(name), name))
    p = model.parameters
    truth = hft.fit(model, data, fixed={p.names[p.poi_index]: 0.0}).values
    observed, auxdata = model.sample(truth, n_toys, np.random.default_rng(1))
    starts = np.tile(p.init, (n_toys, 1))
    fits = Fits(observed=observed, auxdata=auxdata, starts=starts, free=~p.fixed, bounds=p.bounds)
    start = time.perf_counter()
    engine = minimize_many(model, fits, TOY_OPTIONS)
    of_engine = time.perf_counter() - start
    fit_all, times = fitter(hft.to_jax(model), at_once=n_toys), []
    for _ in range(2):
        start = time.perf_counter()
        found = fit_all(observed, auxdata)
        jax.block_until_ready(found.thetas)
        times.append(time.perf_counter() - start)
    difference = np.asarray(found.excess_nll) - np.array([m.excess_nll for m in engine])
    converged = np.asarray(found.converged)
    return {
        "model": name,
        "parameters": len(p),
        "device": str(jax.devices()[0].platform),
        "toys": n_toys,
        "engine_per_second": n_toys / of_engine,
        "jax_per_second": n_toys / times[1],
        "jax_first_call_seconds": times[0],
        "converged": float(converged.mean()),
        "same_minimum": float(np.mean(np.abs(difference[converged]) < _SAME)),
        "jax_higher": float(np.mean(difference[converged] >= _SAME)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["RegionA", "1Lbb_900_100"], choices=MODELS)
    parser.add_argument("--toys", type=int, default=1000)
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    for name in arguments.models:
        result = measured(name, arguments.toys)
        print(json.dumps(result))
        ratio = float(str(result["jax_per_second"])) / float(str(result["engine_per_second"]))
        worth = "worth it" if ratio > 1.0 else "not worth it"
        print(f"{name}: JAX on this {result['device']} fits {ratio:.3g} times as many toys a second: {worth}")


if __name__ == "__main__":
    main()
