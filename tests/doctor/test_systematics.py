"""What each systematic does to each sample, with the doctor's flags and a preview of pruning."""

import json
from typing import Any

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.doctor import diagnose
from hftranslate.doctor.shapes import count_turns
from hftranslate.doctor.systematics import FLAGS, systematics
from hftranslate.editing import negligible
from hftranslate.errors import InputError
from hftranslate.workspace import HistoSys, NormFactor, NormSys, StatError, Workspace
from tests.cases import case_ids
from tests.cases import workspace as published
from tests.likelihood.builders import channel, workspace

BINS = 12
FLAT = np.full(BINS, 100.0)
SLOPE = np.linspace(-0.1, 0.1, BINS)
ZIGZAG = 0.05 * (-1.0) ** np.arange(BINS)


def shape(name: str, down: Any, up: Any) -> HistoSys:
    return HistoSys(name=name, lo_data=tuple(FLAT * (1.0 + down)), hi_data=tuple(FLAT * (1.0 + up)))


def model(*modifiers: Any, statistics: float = 0.01) -> Workspace:
    stat = StatError(name="staterror_SR", data=tuple(statistics * FLAT))
    return workspace(
        channel(
            "SR",
            [105.0] * BINS,
            ("signal", [5.0] * BINS, NormFactor(name="mu"), NormSys(name="common", lo=0.9, hi=1.1)),
            ("background", FLAT.tolist(), NormSys(name="common", lo=0.98, hi=1.03), stat, *modifiers),
        )
    )


PLANTED = {
    "smooth": ((-SLOPE, SLOPE), set()),
    "bowl": ((-(SLOPE**2) * 20.0, SLOPE**2 * 20.0), set()),
    "same": ((0.1 + SLOPE, 0.12 + SLOPE), {"same side"}),
    "half": ((0.0 * SLOPE, SLOPE), {"one-sided"}),
    "zigzag": ((-ZIGZAG, ZIGZAG), {"noisy"}),
    "huge": ((-0.5 + 0.0 * SLOPE, 3.0 + SLOPE), {"huge"}),
    "nothing": ((0.0 * SLOPE, 0.0 * SLOPE), {"no effect"}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_is_flagged_and_nothing_else(name: str) -> None:
    (down, up), expected = PLANTED[name]
    found = {(v.sample, v.systematic): v for v in systematics(model(shape(name, down, up))).variations}
    assert set(found["background", name].flags) == expected
    assert found["background", "common"].flags == found["signal", "common"].flags == ()
    np.testing.assert_allclose(found["background", name].up, FLAT * (1.0 + up))
    np.testing.assert_allclose(found["background", name].down, FLAT * (1.0 + down))


def test_fluctuations_within_the_statistics_of_the_sample() -> None:
    """A second sample of the same events: its chi-square to the first is that of a variation of nothing."""
    rng = np.random.default_rng(7)
    for size, flagged in ((0.3, True), (3.0, False)):
        noise = size * 0.05 * rng.normal(size=BINS)
        (found,) = (
            v
            for v in systematics(model(shape("drawn", -noise, noise), statistics=0.05)).variations
            if v.systematic == "drawn"
        )
        assert ("statistics" in found.flags) == flagged


def test_smooth_normalisations_are_no_noise() -> None:
    """Rounding makes the ratio of a mere factor go up and down, by nothing."""
    values = np.array([13.7, 11.3, 9.1, 7.7, 5.3, 3.9, 3.1, 2.3])
    ws = workspace(
        channel(
            "SR",
            [20.0] * 8,
            ("s", [1.0] * 8, NormFactor(name="mu")),
            ("b", values.tolist(), NormSys(name="n", lo=0.6, hi=1.4)),
        )
    )
    assert all(v.flags == () for v in systematics(ws).variations)
    assert diagnose(ws, with_fit=False).of_kind("noisy-variation") is None


@pytest.mark.parametrize(
    ("values", "turns"), [([0, 1, 2, 3], 0), ([0, 2, 1, 3], 2), ([0, 1, 1, 2, 1.95, 3], 0), ([], 0)]
)
def test_turns(values: list[float], turns: int) -> None:
    assert count_turns(np.array(values, dtype=float)) == turns


def test_pruning_is_that_of_prune() -> None:
    tiny = shape("tiny", -1e-4 + 0.0 * SLOPE, 1e-4 + 0.0 * SLOPE)
    ws = model(tiny, shape("smooth", -SLOPE, SLOPE))
    found = systematics(ws, 0.002)
    assert [v.systematic for v in found.variations if v.negligible] == ["tiny"]
    assert {(v.channel, v.sample, v.systematic) for v in found.variations if v.negligible} == {
        (n.channel, n.sample, n.modifier) for n in negligible(ws, 0.002)
    }
    (preview,) = (p for p in found.previews if p.threshold == 0.002)
    assert (preview.modifiers, preview.parameters) == (1, ("tiny",))
    (effect,) = found.effects
    assert effect.nll == pytest.approx(0.0, abs=1e-9)  # at its nominal value it does nothing
    assert 0.0 < (effect.cls or 0.0) < 1e-4
    assert systematics(ws, 1e-6).effects == ()
    for wrong in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="expected a fraction"):
            systematics(ws, wrong)


def test_variations_are_those_of_the_compiled_model() -> None:
    ws = model(shape("smooth", -SLOPE, 2.0 * SLOPE))
    compiled, _ = hft.compile_model(ws)
    for value, side in ((-1.0, "down"), (1.0, "up")):
        for v in systematics(ws).variations:
            rates = compiled.sample_rates(compiled.parameters.vector(**{v.systematic: value})).to_list()
            sample = compiled.samples[0].index(v.sample)
            np.testing.assert_allclose(getattr(v, side), rates[0][sample])


def test_words_and_documents() -> None:
    found = systematics(model(shape("zigzag", -ZIGZAG, ZIGZAG)))
    assert found.headline() == "2 systematics on 3 samples: 1 flagged, 0 below 0.001 of a bin"
    assert list(found.by_name()) == ["zigzag", "common"]
    assert found.tables()[0].rows[0] == ("zigzag", "histosys", "1", "4.76%", "0", "noisy")
    assert "zigzag on background in SR: +0.00% / +0.00% (noisy)" in str(
        next(v for v in found.variations if v.systematic == "zigzag")
    ).replace("-0.00%", "+0.00%")
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["variations"][-1]["flags"] == ["noisy"]


@pytest.mark.slow
@pytest.mark.parametrize("name", case_ids()[:8])
def test_published_models(name: str) -> None:
    """Flags are the doctor's findings, place by place."""
    ws = published(name)
    found = systematics(ws)
    diagnosis = diagnose(ws, with_fit=False)
    for kind in ("one-sided", "half-variation", "noisy-variation", "statistics-dominated-variation"):
        finding = diagnosis.of_kind(kind)
        places = set() if finding is None else {(p.channel, p.sample, p.parameter) for p in finding.places}
        flagged = {(v.channel, v.sample, v.systematic) for v in found.variations if FLAGS[kind] in v.flags}
        assert flagged == places
