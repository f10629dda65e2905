"""A workspace of any number of histograms, made up but shaped like the published off-shell electroweakino search.

With the default size of some 9 000 histograms it has 44 channels and 328 parameters, as that model has; a larger one
has more channels of the same kind, which share the systematics.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]

SAMPLES = ("signal", "ttbar", "diboson", "Zjets", "fakes")
#: Bins of the channels, over and over.
BINS = (1, 1, 2, 1, 3, 2, 4)
N_SHAPES = 80
N_NORMS = 157
SHAPES_PER_SAMPLE = 20
NORMS_PER_SAMPLE = 17
#: Data and, for each sample, its nominal yields and two variations for each shape.
HISTOGRAMS_PER_CHANNEL = 1 + len(SAMPLES) * (1 + 2 * SHAPES_PER_SAMPLE)


def big_model(n_histograms: int = 9064, seed: int = 1) -> Json:
    """A pyhf workspace document with about that many histograms; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    channels, observations = [], []
    for i in range(max(1, round(n_histograms / HISTOGRAMS_PER_CHANNEL))):
        name, n_bins = f"SR_{i:03d}", BINS[i % len(BINS)]
        samples = [_sample(sample, n_bins, name, rng) for sample in SAMPLES]
        channels.append({"name": name, "samples": samples})
        observations.append({"name": name, "data": rng.poisson(_total(samples)).astype(float).tolist()})
    parameters: list[Json] = [
        {"name": "lumi", "auxdata": [1.0], "inits": [1.0], "bounds": [[0.915, 1.085]], "sigmas": [0.017]},
        {"name": "mu_SIG", "inits": [1.0], "bounds": [[0.0, 10.0]]},
        *({"name": f"mu_{sample}", "inits": [1.0], "bounds": [[0.0, 5.0]]} for sample in SAMPLES[1:4]),
    ]
    return {
        "channels": channels,
        "measurements": [{"name": "NormalMeasurement", "config": {"poi": "mu_SIG", "parameters": parameters}}],
        "observations": observations,
        "version": "1.0.0",
    }


def _total(samples: list[Json]) -> Any:
    return np.sum([s["data"] for s in samples[1:]], axis=0)  # the data contain no signal


def _sample(name: str, n_bins: int, channel: str, rng: np.random.Generator) -> Json:
    nominal = rng.gamma(2.0, 1.0 if name == "signal" else 5.0, n_bins)
    shapes = np.sort(rng.choice(N_SHAPES, SHAPES_PER_SAMPLE, replace=False))
    norms = np.sort(rng.choice(N_NORMS, NORMS_PER_SAMPLE, replace=False))
    modifiers: list[Json] = [
        {
            "name": f"staterror_{channel}",
            "type": "staterror",
            "data": (nominal * rng.uniform(0.02, 0.2, n_bins)).tolist(),
        },
        {
            "name": "mu_SIG" if name == "signal" else f"mu_{name}" if name != "fakes" else "lumi",
            "type": "normfactor" if name != "fakes" else "lumi",
            "data": None,
        },
    ]
    if name in ("signal", "diboson", "Zjets"):
        modifiers.append({"name": "lumi", "type": "lumi", "data": None})
    for shape in shapes:
        shift = nominal * rng.normal(0.0, 0.04, n_bins)
        data = {"hi_data": (nominal + shift).tolist(), "lo_data": (nominal - 0.9 * shift).tolist()}
        modifiers.append({"name": f"shape_{shape:02d}", "type": "histosys", "data": data})
    for norm in norms:
        size = float(rng.normal(0.0, 0.03))
        modifiers.append(
            {"name": f"norm_{norm:03d}", "type": "normsys", "data": {"hi": 1.0 + size, "lo": 1.0 - 0.95 * size}}
        )
    return {"name": name, "data": nominal.tolist(), "modifiers": modifiers}


def n_histograms(document: Json) -> int:
    """How many histograms the document has as XML with ROOT files."""
    count = 0
    for channel in document["channels"]:
        count += 1
        for sample in channel["samples"]:
            kinds = [m["type"] for m in sample["modifiers"]]
            count += 1 + 2 * kinds.count("histosys") + kinds.count("shapesys")
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--histograms", type=int, default=9064)
    options = parser.parse_args()
    document = big_model(options.histograms)
    options.path.write_text(json.dumps(document, indent=4))
    print(f"{n_histograms(document)} histograms, {len(document['channels'])} channels")


if __name__ == "__main__":
    main()
