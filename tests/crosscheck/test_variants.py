"""Changed copies of a workspace change what they say and nothing else."""

from collections.abc import Callable

import pytest

from hftranslate.crosscheck.cases import read_cases
from hftranslate.crosscheck.variants import (
    lumi_carriers,
    scaled,
    with_all,
    with_interpolation,
    with_lumi,
    with_lumi_width,
    with_ranges,
)
from hftranslate.workspace import HistoSys, Lumi, Modifier, NormSys, ShapeSys, StatError, Workspace
from tests.conftest import REPOSITORY

DEMO = {c.name: c for c in read_cases(REPOSITORY / "validation" / "cases.toml")}["demo"].workspace()


def modifiers(workspace: Workspace, kind: type[Modifier]) -> list[Modifier]:
    return [m for c in workspace.channels for s in c.samples for m in s.modifiers if isinstance(m, kind)]


@pytest.mark.parametrize(
    "same",
    [
        lambda w: with_interpolation(w, histosys="code4p", normsys="code4"),
        lambda w: with_interpolation(w),
        lambda w: with_all(w, StatError, constraint="gaussian"),
        lambda w: with_all(w, ShapeSys, constraint="poisson"),
        lambda w: with_lumi(w, lambda channel, sample: True),
        lambda w: with_ranges(w, {}),
        lambda w: with_lumi_width(w, lambda lumi, sigma: sigma),
    ],
)
def test_nothing_to_change_is_the_same_object(same: Callable[[Workspace], Workspace]) -> None:
    assert same(DEMO) is DEMO


def test_interpolation_of_one_type() -> None:
    changed = with_interpolation(DEMO, histosys="code0")
    assert {m.interpolation for m in modifiers(changed, HistoSys)} == {"code0"}
    assert modifiers(changed, NormSys) == modifiers(DEMO, NormSys)
    assert with_interpolation(changed, histosys="code4p") == DEMO


def test_constraints_and_thresholds() -> None:
    changed = with_all(DEMO, StatError, constraint="poisson", threshold=0.2)
    assert {(m.constraint, m.threshold) for m in modifiers(changed, StatError)} == {("poisson", 0.2)}
    assert {m.constraint for m in modifiers(with_all(DEMO, ShapeSys, constraint="gaussian"), ShapeSys)} == {"gaussian"}


def test_luminosity() -> None:
    samples = sum(len(c.samples) for c in DEMO.channels)
    assert lumi_carriers(DEMO) == (samples, samples)
    some = with_lumi(DEMO, lambda channel, sample: channel == "SR")
    assert lumi_carriers(some) == (len(DEMO.channel("SR").samples), samples)
    assert with_lumi(some, lambda channel, sample: True) == DEMO
    none = with_lumi(DEMO, lambda channel, sample: False)
    assert modifiers(none, Lumi) == []
    twice = with_lumi(DEMO, lambda channel, sample: False, constant=2.0)
    for c, d in zip(DEMO.channels, twice.channels, strict=True):
        for s, t in zip(c.samples, d.samples, strict=True):
            assert t.nominal == tuple(2.0 * x for x in s.nominal)
    wider = with_lumi_width(DEMO, lambda lumi, sigma: 3.0 * sigma)
    assert wider.measurements[0].parameter("lumi").sigmas == (0.06,)


def test_scaling_keeps_relative_uncertainties() -> None:
    sample = next(s for s in DEMO.channel("SR").samples if s.name == "ttbar")
    double = scaled(sample, 2.0)
    for m, n in zip(sample.modifiers, double.modifiers, strict=True):
        if isinstance(m, HistoSys):
            assert isinstance(n, HistoSys)
            assert n.hi_data == tuple(2.0 * x for x in m.hi_data)
        elif isinstance(m, StatError):
            assert isinstance(n, StatError)
            assert n.data == tuple(2.0 * x for x in m.data)
        else:
            assert m == n
    fakes = next(s for s in DEMO.channel("SR").samples if s.name == "fakes")
    assert scaled(scaled(fakes, 2.0), 0.5) == fakes


def test_ranges() -> None:
    changed = with_ranges(DEMO, {"mu": (-1.0, 4.0), "JES": (-2.0, 2.0)})
    found = changed.measurements[0]
    assert found.parameter("mu").bounds == ((-1.0, 4.0),)
    assert found.parameter("JES").bounds == ((-2.0, 2.0),)
    assert found.parameter("mu").inits == DEMO.measurements[0].parameter("mu").inits
