"""Value and gradient of the log density by JAX, ours and pyhf's in one process, in turns; see README.md in this folder.

    python validation/benchmarks/gradients.py [--models RegionA 1Lbb_900_100 2l2j]

Processor time. "Compiled" is what JAX takes before the first call; "closed over" has the templates as constants.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import pyhf
from speed import MODELS, workspace

import hftranslate as hft
from hftranslate.formats.pyhf_json import from_document

_ROUNDS, _CALLS = 15, 40


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """The compiled program, and the processor seconds that tracing and compiling took."""
    start = time.process_time()
    program = jax.jit(jax.value_and_grad(function)).lower(*arguments).compile()
    return program, time.process_time() - start


def microseconds(call: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.process_time()
    for _ in range(_CALLS):
        jax.block_until_ready(call())
    return (time.process_time() - start) / _CALLS * 1e6


def pyhf_density(model: Any, data: Any, theta: Any) -> Any:
    """pyhf's log density as a number."""
    return model.logpdf(theta, data)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["RegionA", "1Lbb_900_100", "2l2j"], choices=MODELS)
    jax.config.update("jax_enable_x64", True)
    pyhf.set_backend("jax", precision="64b")
    jax.jit(lambda x: x + 1.0).lower(np.ones(3)).compile()  # the first program starts the compiler
    print(f"{'model':<14}{'parameters':>11}{'compiled':>10}{'closed over':>12}{'pyhf':>8}   microseconds: ", end="")
    print("ours, closed over, pyhf, engine")
    for name in parser.parse_args().models:
        document = workspace(name)
        model, data = hft.compile_model(from_document(document, name))
        likelihood = hft.to_jax(model)
        own, sets, theta = likelihood.templates, likelihood.data(data), jax.numpy.asarray(model.parameters.init)
        space = pyhf.Workspace(document)
        theirs = space.model()
        of_pyhf, at = jax.numpy.asarray(space.data(theirs)), jax.numpy.asarray(theirs.config.suggested_init())
        ours, one = compiled(likelihood.logpdf, theta, own, sets)
        closed, two = compiled(partial(likelihood.logpdf, templates=own, data=sets), theta)
        peer, three = compiled(partial(pyhf_density, theirs, of_pyhf), at)
        calls = {
            "ours": partial(ours, theta, own, sets),
            "closed over": partial(closed, theta),
            "pyhf": partial(peer, at),
            "engine": partial(model.nll_and_gradient, model.parameters.init, data),
        }
        rounds = [{k: microseconds(call) for k, call in calls.items()} for _ in range(_ROUNDS)]
        medians = [statistics.median(r[k] for r in rounds) for k in calls]
        print(f"{name:<14}{len(theta):>11}{one:>9.2f}s{two:>11.2f}s{three:>7.2f}s   ", end="")
        print(", ".join(f"{m:.0f}" for m in medians), flush=True)


if __name__ == "__main__":
    main()
