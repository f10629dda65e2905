"""What a model says of itself: its channels with their samples, its parameters with their settings."""

from typing import Any

import numpy as np

from hftranslate.display.speaking import Table, counted, plain, short
from hftranslate.likelihood.model import Model


def headline_of(model: Model) -> str:
    """What it is in a line."""
    samples, pois = {name for names in model.samples for name in names}, model.parameters.poi_names
    numbers = (len(model.channels), model.cells.n_bins, len(samples), len(model.parameters))
    what = ", ".join(map(counted, numbers, ("channel", "bin", "sample", "parameter")))
    return f"{what}; of interest {', '.join(pois) or 'none'}; conventions {model.conventions.name}"


def tables_of(model: Model) -> tuple[Table, ...]:
    """Channels and parameters."""
    channels = [(c, n, ", ".join(s)) for (c, n), s in zip(model.channels, model.samples, strict=True)]
    p = model.parameters
    parameters = [
        (name, init, f"[{low:g}, {high:g}]", short(width) if width > 0.0 else "free", "constant" if fixed else "")
        for name, init, (low, high), width, fixed in zip(
            p.names, p.init.tolist(), p.bounds.tolist(), p.width.tolist(), p.fixed.tolist(), strict=True
        )
    ]
    return (
        Table(caption=headline_of(model), columns=("channel", "bins", "samples"), rows=channels),
        Table(caption="parameters", columns=("name", "initial", "range", "constraint", ""), rows=parameters),
    )


def document_of(model: Model) -> dict[str, Any]:
    """Both as plain JSON values, with the expected events at the initial values."""
    p = model.parameters
    rates = np.split(model.rates(p.init), np.cumsum([n for _, n in model.channels])[:-1])
    channels = [
        {"name": name, "samples": list(samples), "edges": edges and [list(e) for e in edges], "rates": events.tolist()}
        for (name, _), samples, edges, events in zip(model.channels, model.samples, model.edges, rates, strict=True)
    ]
    parameters = [
        {
            "name": p.names[i],
            "root_name": p.root_names[i],
            "init": plain(p.init[i]),
            "bounds": [plain(end) for end in p.bounds[i]],
            "fixed": bool(p.fixed[i]),
            "width": plain(p.width[i]),
        }
        for i in range(len(p))
    ]
    pois = list(p.poi_names)
    return {"conventions": model.conventions.name, "pois": pois, "channels": channels, "parameters": parameters}
