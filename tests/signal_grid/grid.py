"""A small grid of signals on one background."""

from copy import deepcopy
from typing import Any

from hftranslate.signal_grid import PatchSet, Signal, create

Json = dict[str, Any]


def background() -> Json:
    """Two channels without signal; the measurement has the parameter of interest of the signals already."""
    return {
        "channels": [
            {"name": "SR", "samples": [_sample("bkg", [50.0, 52.0]), _sample("fakes", [4, 2.5])]},
            {"name": "CR", "samples": [_sample("bkg", [500.0])]},
        ],
        "measurements": [{"name": "meas", "config": {"poi": "mu", "parameters": []}}],
        "observations": [{"name": "CR", "data": [510]}, {"name": "SR", "data": [55, 60]}],
        "version": "1.0.0",
    }


def _sample(name: str, data: list[float]) -> Json:
    variation = {"hi_data": [1.1 * v for v in data], "lo_data": [0.9 * v for v in data]}
    return {
        "name": name,
        "data": data,
        "modifiers": [
            {"name": f"xsec_{name}", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
            {"name": "JES", "type": "histosys", "data": variation},
        ],
    }


def signal_sample(name: str, data: list[float]) -> Json:
    return {
        "data": data,
        "modifiers": [
            {"data": None, "name": "mu", "type": "normfactor"},
            {"data": {"hi": 1.05, "lo": 0.95}, "name": "JES", "type": "normsys"},
        ],
        "name": name,
    }


def with_signal(m1: float, m2: float) -> Json:
    """The full workspace of a point: less signal the heavier it is."""
    document = deepcopy(background())
    events = 40.0 * 2.0 ** (-(m1 + 0.5 * m2) / 100.0)
    document["channels"][0]["samples"].insert(0, signal_sample(f"sig_{m1}_{m2}", [0.5 * events, events]))
    return document


#: The points of the grid.
POINTS = [(m1, m2) for m1 in (100, 200, 300, 400) for m2 in (0, 50, 100)]


def patches(points: list[tuple[int, int]] | None = None) -> PatchSet:
    """The patch set of the grid."""
    return create(
        background(),
        [
            Signal(source=f"{m1}_{m2}", name=f"sig_{m1}_{m2}", values=(m1, m2), document=with_signal(m1, m2))
            for m1, m2 in points or POINTS
        ],
        labels=("m1", "m2"),
        reference="ins1234567",
    )
