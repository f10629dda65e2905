"""How pictures look: small ones beside those that were looked at and found right.

They are compared as what an eye sees from afar, so that letters of another version of matplotlib do not matter, and a
bar, a band or a legend that is elsewhere does. After a change that is meant, ``pytest --force-regen`` writes them anew:
look at them.
"""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hftranslate as hft
from hftranslate import plots
from hftranslate.inference.limits import with_points
from hftranslate.signal_grid.contour import take_slice
from hftranslate.workspace import HistoSys, NormFactor, NormSys, StatError
from tests.likelihood.builders import channel, workspace
from tests.signal_grid.test_contour import scan_of

pytest.importorskip("PIL")

#: Pixels, and how much of all brightness may differ, in per cent.
SIZE, TOLERANCE = (96, 72), 1.0
BINS = 8
SHAPE = np.array([90.0, 70.0, 55.0, 42.0, 32.0, 24.0, 18.0, 13.0])
SIGNAL = np.array([0.5, 1.0, 3.0, 7.0, 9.0, 6.0, 2.0, 0.5])
SLOPE = np.linspace(-0.15, 0.15, BINS)
WS = workspace(
    channel(
        "SR",
        [95.0, 66.0, 61.0, 48.0, 37.0, 31.0, 15.0, 14.0],
        ("signal", SIGNAL.tolist(), NormFactor(name="mu"), NormSys(name="JES", lo=0.9, hi=1.15)),
        (
            "background",
            SHAPE.tolist(),
            NormSys(name="theory", lo=0.85, hi=1.2),
            HistoSys(name="JES", lo_data=tuple(SHAPE * (1.0 - SLOPE)), hi_data=tuple(SHAPE * (1.0 + SLOPE))),
            StatError(name="staterror_SR", data=tuple(0.05 * SHAPE)),
        ),
    ),
    channel("CR", [410.0], ("background", [400.0], NormFactor(name="k"), NormSys(name="JES", lo=0.95, hi=1.04))),
)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    model, data = hft.compile_model(WS)
    rng = np.random.default_rng(5)
    points = {(x, y): 4.5 - 0.09 * float(x * x + y * y) + 0.2 * rng.normal() for x in range(9) for y in range(9)}
    limit = hft.upper_limit(model, data)
    return {
        "model": model,
        "fit": hft.fit(model, data),
        "impacts": hft.impacts(model, data),
        "limit": with_points(limit, model, data, 25),
        "scan": hft.profile_scan(model, data, "mu", points=15),
        "plane": take_slice(scan_of(("m1", "m2"), points)),
        "toys": (rng.chisquare(1, 2000), rng.noncentral_chisquare(1, 4.0, 2000)),
    }


CURVE = (np.array([[1.0, 6.0], [4.0, 5.0], [6.0, 1.0]]),)
PICTURES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "brazil": lambda f: plots.brazil(f["limit"]),
    "brazil_log": lambda f: plots.brazil(f["limit"], log=True),
    "yields": lambda f: plots.yields(f["model"], f["fit"], stack=plots.StackOptions(overlay=3.0)),
    "pulls": lambda f: plots.pulls(f["fit"]),
    "pulls_grouped": lambda f: plots.pulls(
        f["fit"], pull=plots.PullOptions(groups=(("statistics", ("staterror_*",)), ("jets", ("J*",))))
    ),
    "correlations": lambda f: plots.correlations(f["fit"], threshold=0.05),
    "impacts": lambda f: plots.impacts(f["impacts"]),
    "scan": lambda f: plots.scan(f["scan"]),
    "contour": lambda f: plots.contour(f["plane"], beside=plots.ContourOptions(overlays=(("published", CURVE),))),
    "toys": lambda f: plots.toys(*f["toys"], 3.0, asimov=4.0),
    "templates": lambda f: plots.templates(WS, "SR", "background", "JES"),
}


def small(figure: Any) -> bytes:
    """What is inside the panels of a figure as a small picture, in PNG: where they stand is layout's."""
    from PIL import Image

    drawn = Image.open(BytesIO(plots.picture(figure, "a.png"))).convert("RGB")
    boxes = np.array([axes.get_position().extents for axes in figure.axes])
    (left, bottom), (right, top) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    width, height = drawn.size
    inside = drawn.crop(
        (round(left * width), round((1 - top) * height), round(right * width), round((1 - bottom) * height))
    )
    out = BytesIO()
    inside.resize(SIZE, Image.Resampling.BOX).save(out, format="png")
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_look_as_they_did(found: dict[str, Any], name: str, image_regression: Any) -> None:
    image_regression.check(small(PICTURES[name](found)), diff_threshold=TOLERANCE, basename=name)


#: Pictures of the same with something wrong.
WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "yields": lambda f: plots.yields(f["model"], None, stack=plots.StackOptions(overlay=3.0)),
    "pulls": lambda f: plots.pulls(f["fit"], exclude="theory"),
    "correlations": lambda f: plots.correlations(f["fit"], threshold=0.2),
    "brazil": lambda f: plots.brazil(f["limit"], log=True),
    "contour": lambda f: plots.contour(
        replace(f["plane"], heights={k: h + 0.7 for k, h in f["plane"].heights.items()})
    ),
    "impacts": lambda f: plots.impacts(f["impacts"], first=1),
    "toys": lambda f: plots.toys(*f["toys"][::-1], 3.0, asimov=4.0),
    "scan": lambda f: plots.scan({**f["scan"].to_dict(), "twice_delta_nll": [0.5 * i for i in range(15)]}),
    "templates": lambda f: plots.templates(WS, "SR", "background", "theory"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_looks_otherwise(found: dict[str, Any], name: str) -> None:
    from PIL import Image

    reference = Image.open(Path(__file__).with_suffix("") / f"{name}.png").convert("RGB")
    other = Image.open(BytesIO(small(WRONG[name](found)))).convert("RGB")
    difference = np.abs(np.asarray(reference, dtype=float) - np.asarray(other, dtype=float))
    assert 100.0 * difference.mean() / 255.0 > TOLERANCE
