"""Posteriors of published models by Hamiltonian Monte Carlo, with what samplers take: a log density over R^n.

    python validation/benchmarks/samplers.py --with numpyro|blackjax|pymc [--model RegionA] [--density ours|pyhf]

prints R-hat, effective samples a second (processor time after warm-up), and medians beside the profile likelihood. With
``--density pyhf`` the log density is that of pyhf's JAX backend, of the same unconstrained numbers.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from speed import MODELS, workspace

import hftranslate as hft
from hftranslate.formats.pyhf_json import from_document
from hftranslate.tensors import Density

Function = Callable[[Any], Any]


def by_numpyro(density: Function, starts: Any, warmup: int, samples: int) -> tuple[Any, float]:
    """Chains ``(n_chains, n_samples, n)`` of NumPyro's NUTS, and the seconds that the samples took."""
    from numpyro.infer import MCMC, NUTS

    kernel = NUTS(potential_fn=lambda z: -density(z))
    mcmc = MCMC(
        kernel,
        num_warmup=warmup,
        num_samples=samples,
        num_chains=len(starts),
        chain_method="sequential",
        progress_bar=False,
    )
    mcmc.warmup(jax.random.key(1), init_params=starts)
    start = time.process_time()
    mcmc.run(mcmc.post_warmup_state.rng_key)
    return np.asarray(mcmc.get_samples(group_by_chain=True)), time.process_time() - start


def by_blackjax(density: Function, starts: Any, warmup: int, samples: int) -> tuple[Any, float]:
    """The same of blackjax's NUTS with its window adaptation."""
    import blackjax

    def chain(key: Any, state: Any, parameters: Any) -> Any:
        kernel = blackjax.nuts(density, **parameters).step

        def step(state: Any, key: Any) -> Any:
            state, _ = kernel(key, state)
            return state, state.position

        return jax.lax.scan(step, state, jax.random.split(key, samples))[1]

    adaptation, run, chains, seconds = blackjax.window_adaptation(blackjax.nuts, density), jax.jit(chain), [], 0.0
    for i, z in enumerate(starts):
        warm, sampled = jax.random.split(jax.random.key(i))
        (state, parameters), _ = adaptation.run(warm, z, num_steps=warmup)
        jax.block_until_ready(run(sampled, state, parameters))  # compiled
        start = time.process_time()
        chains.append(np.asarray(run(sampled, state, parameters)))
        seconds += time.process_time() - start
    return np.stack(chains), seconds


def by_pymc(density: Function, starts: Any, warmup: int, samples: int) -> tuple[Any, float]:
    """The same of PyMC's NUTS: the density and its gradient are an operation of its graph."""
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.graph.op import Apply, Op

    both = jax.jit(jax.value_and_grad(density))

    class Gradient(Op):  # type: ignore[misc]
        def make_node(self, z: Any) -> Any:
            return Apply(self, [pt.as_tensor_variable(z)], [pt.dvector()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            outputs[0][0] = np.array(both(inputs[0])[1])

    class Value(Op):  # type: ignore[misc]
        def make_node(self, z: Any) -> Any:
            return Apply(self, [pt.as_tensor_variable(z)], [pt.dscalar()])

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            outputs[0][0] = np.array(both(inputs[0])[0])

        def pullback(self, inputs: Any, outputs: Any, slopes: Any) -> Any:
            return [slopes[0] * Gradient()(inputs[0])]

        def grad(self, inputs: Any, slopes: Any) -> Any:
            return self.pullback(inputs, None, slopes)

    with pm.Model():
        z = pm.Flat("z", shape=starts.shape[1])
        pm.Potential("density", Value()(z))
        start = time.process_time()
        trace = pm.sample(
            draws=samples,
            tune=warmup,
            chains=len(starts),
            cores=1,
            random_seed=1,
            initvals=[{"z": np.asarray(s)} for s in starts],
            progressbar=False,
            compute_convergence_checks=False,
        )
    return trace.posterior["z"].to_numpy(), time.process_time() - start


BY = {"numpyro": by_numpyro, "blackjax": by_blackjax, "pymc": by_pymc}


def of_pyhf(document: Any, ours: Density) -> Function:
    """The log density of pyhf's JAX backend, of the numbers that ours is of."""
    import pyhf

    pyhf.set_backend("jax", precision="64b")
    space = pyhf.Workspace(document)
    model = space.model()
    data = jax.numpy.asarray(space.data(model))
    own = ours.likelihood.model.parameters.names
    order = np.array([own.index(name) for name in model.config.par_names])

    def density(z: Any) -> Any:
        return model.logpdf(ours.theta(z)[order], data)[0] + ours.log_slope(z)

    return density


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with", dest="sampler", default="numpyro", choices=BY)
    parser.add_argument("--model", default="RegionA", choices=MODELS)
    parser.add_argument("--density", default="ours", choices=["ours", "pyhf"])
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--warmup", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1000)
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    document = workspace(given.model)
    model, data = hft.compile_model(from_document(document, given.model))
    likelihood = hft.to_jax(model)
    density = likelihood.density(likelihood.data(data))
    p, rng = model.parameters, np.random.default_rng(1)
    inside = np.clip(p.init, p.bounds[:, 0] + 1e-3, p.bounds[:, 1] - 1e-3)
    starts = density.z(inside) + 0.05 * rng.normal(size=(given.chains, len(density.names)))
    function = of_pyhf(document, density) if given.density == "pyhf" else density
    z, seconds = BY[given.sampler](function, jax.numpy.asarray(starts), given.warmup, given.samples)
    samples = np.asarray(jax.vmap(jax.vmap(density.theta))(z))[..., density.index]
    best = hft.fit(model, data)
    medians = np.median(samples, axis=(0, 1))
    pulls = (medians - best.values[density.index]) / best.uncertainties[density.index]
    poi = density.names.index(p.poi_names[0])
    effective = effective_sample_size(samples)
    report = {
        "model": given.model,
        "sampler": given.sampler,
        "density": given.density,
        "largest_r_hat": float(np.max(split_gelman_rubin(samples))),
        "least_effective": float(np.min(effective)),
        "least_effective_per_second": float(np.min(effective)) / seconds,
        "seconds": seconds,
        "poi_median": float(medians[poi]),
        "poi_95_percent": float(np.quantile(samples[..., poi], 0.95)),
        "poi_best_fit": float(best.values[density.index][poi]),
        "largest_shift_of_a_median": float(np.nanmax(np.abs(pulls))),
        "median_shift_of_medians": float(np.nanmedian(np.abs(pulls))),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
