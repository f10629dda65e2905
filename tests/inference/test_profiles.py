"""Profile scans against iminuit's, against conditional fits and against MINOS."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from iminuit import Minuit
from scipy.stats import chi2

from hftranslate.batch.options import BatchOptions
from hftranslate.errors import InputError, MissingInput
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import fit
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.profiles import (
    ProfileOf,
    _deepest,
    profile_scan,
    scan_range,
)
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.translation.load import read
from hftranslate.workspace import NormFactor, NormSys
from tests.conftest import REPOSITORY
from tests.likelihood.builders import channel, counting, workspace


@pytest.fixture(scope="module")
def demo() -> tuple[Model, Data]:
    return compile_model(read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"))


@pytest.fixture(scope="module")
def two_channels() -> tuple[Model, Data]:
    """A signal and a background that a control region measures, both with a normalisation that floats."""
    return compile_model(
        workspace(
            channel(
                "SR",
                [25.0, 31.0],
                ("signal", [5.0, 9.0], NormFactor(name="mu"), NormSys(name="eff", lo=0.9, hi=1.1)),
                ("background", [20.0, 18.0], NormFactor(name="k"), NormSys(name="shape", lo=0.8, hi=1.3)),
            ),
            channel("CR", [95.0], ("background", [100.0], NormFactor(name="k"))),
        )
    )


def minuit_of(model: Model, data: Data) -> Minuit:
    names = model.parameters.names
    m = Minuit(lambda x: model.excess_nll(x, data), model.parameters.init, name=names)
    m.errordef, m.tol, m.strategy = Minuit.LIKELIHOOD, 1e-4, 2
    m.fixed = list(model.parameters.fixed)
    m.limits = [tuple(b) for b in model.parameters.bounds]
    m.migrad()
    assert m.valid
    return m


def test_against_iminuits_profile(demo: tuple[Model, Data]) -> None:
    model, data = demo
    x, value, good = minuit_of(model, data).mnprofile("JES", bound=2, size=7)
    assert good.all()
    scan = profile_scan(model, data, ["JES"], [x])
    np.testing.assert_allclose(scan.rise, 2.0 * (value - fit(model, data).excess_nll), atol=2e-3)
    assert scan.names == ("JES",)


def test_against_conditional_fits_and_minos(two_channels: tuple[Model, Data]) -> None:
    model, data = two_channels
    scan = profile_scan(model, data, ["mu"])
    assert scan.rise.shape == (41,)
    best = fit(model, data)
    assert scan.best == (best.value("mu"),)
    assert scan.twice_nll == 2.0 * best.nll
    for x, rise in list(zip(scan.values[0], scan.rise, strict=True))[::8]:
        held = fit(model, data, fixed={"mu": float(x)})
        assert rise == pytest.approx(2.0 * (held.nll - best.nll), abs=1e-6)
    low, high = profile_interval(model, data, best, "mu")
    assert scan.crossings() == pytest.approx([low, high], abs=0.01)
    assert len(scan.crossings(4.0)) in (1, 2)


def test_contours_against_iminuits(two_channels: tuple[Model, Data]) -> None:
    """On the contour that MINUIT finds the profiled NLL has risen by the quantile of the chi-square."""
    model, data = two_channels
    m = minuit_of(model, data)
    m.limits = [(None, None) for _ in m.params]
    for level in (0.68, 0.95):
        contour = m.mncontour("mu", "k", cl=level, size=8)
        for mu, k in contour[:-1]:
            if mu < 0.0:  # beyond the range
                continue
            scan = profile_scan(model, data, ["mu", "k"], [[mu], [k]])
            assert scan.rise.shape == (1, 1)
            assert scan.rise[0, 0] == pytest.approx(chi2.ppf(level, 2), rel=0.01)


def test_a_grid_of_two(two_channels: tuple[Model, Data]) -> None:
    model, data = two_channels
    scan = profile_scan(model, data, ["mu", "k"], [None, [0.9, 1.0]], points=[5, 2])
    assert scan.rise.shape == (5, 2)
    turned = profile_scan(model, data, ["k", "mu"], [[0.9, 1.0], scan.values[0]])
    np.testing.assert_allclose(turned.rise.T, scan.rise, atol=1e-6)
    # where the other one is profiled too, the NLL is never higher
    alone = profile_scan(model, data, ["mu"], [scan.values[0]])
    assert np.all(alone.rise <= scan.rise.min(axis=1) + 1e-6)
    document = scan.to_dict()
    assert np.shape(document["twice_delta_nll"]) == (5, 2)
    assert "crossings" not in document


@pytest.mark.parametrize("name", ["mu", "k", "shape", "eff"])
def test_ranges_show_three_standard_deviations(two_channels: tuple[Model, Data], name: str) -> None:
    model, data = two_channels
    best = fit(model, data)
    profile = ProfileOf(model=model, data=data, best=best, names=(name,), options=FitOptions())
    low, high = scan_range(profile)
    assert low < best.value(name) < high
    for end, bound in zip((low, high), best.bounds[best.names.index(name)], strict=True):
        rise = 2.0 * (profile((end,)).excess_nll - best.excess_nll)
        assert end == bound or 7.0 <= rise <= 16.0


def test_ranges_of_a_flat_and_of_a_steep_direction() -> None:
    """Where HESSE says little about the way: nothing observed, so that the NLL is a straight line."""
    model, data = compile_model(workspace(channel("SR", [0.0], ("signal", [4.0], NormFactor(name="mu")))))
    best = fit(model, data)
    low, high = scan_range(ProfileOf(model=model, data=data, best=best, names=("mu",), options=FitOptions()))
    assert low == pytest.approx(0.0, abs=1e-6)
    assert 7.0 <= 2.0 * 4.0 * high <= 16.0  # -2 Delta ln L = 2 s mu


def test_no_room_to_scan() -> None:
    model, data = counting(8.0, bounds=((1.0, 1.0),))
    with pytest.raises(InputError, match="'mu' has no room to be scanned"):
        profile_scan(model, data, ["mu"])


def test_points_without_a_fit_are_reported(two_channels: tuple[Model, Data]) -> None:
    model, data = two_channels
    scan = profile_scan(model, data, ["k"], [[-5.0, 1.0]])
    assert np.isnan(scan.rise[0])
    assert np.isfinite(scan.rise[1])
    assert list(scan.failures) == [(0,)]
    assert "no or a negative expectation" in scan.failures[0,]
    document = scan.to_dict()
    assert document["twice_delta_nll"][0] is None
    assert document["failed"][0]["index"] == [0]


def test_what_cannot_be_scanned(two_channels: tuple[Model, Data]) -> None:
    model, data = two_channels
    for names, values, points, message in [
        (["mu", "k", "eff"], None, None, "one or two different parameters"),
        (["mu", "mu"], None, None, "one or two different parameters"),
        ([], None, None, "one or two different parameters"),
        (["mu"], [[1.0], [2.0]], None, "takes values or points for each"),
        (["mu"], None, [1], "a scan of 1 points shows nothing"),
        (["mu"], [[np.nan]], None, "must be a list of finite numbers"),
        (["mu"], [[]], None, "must be a list of finite numbers"),
    ]:
        with pytest.raises(InputError, match=message):
            profile_scan(model, data, names, values, points=points)
    with pytest.raises(MissingInput, match="no parameter 'muu'; did you mean 'mu'"):
        profile_scan(model, data, ["muu"])
    with pytest.raises(InputError, match="'k' is constant"):
        profile_scan(restricted(model, fixed={"k": 1.0}), data, ["k"])


def test_a_lower_point_of_the_scan_becomes_the_minimum(two_channels: tuple[Model, Data]) -> None:
    model, data = two_channels
    true = fit(model, data)
    poor = fit(model, data, options=FitOptions(max_iterations=1, raise_on_failure=False))
    assert poor.excess_nll > true.excess_nll + 1e-6
    profile = ProfileOf(model=model, data=data, best=poor, names=("mu",), options=FitOptions())
    grid = np.array([[true.value("mu")]])
    found = _deepest(profile, np.array(profile.excesses(grid.tolist()), dtype=np.float64), grid)
    assert found.excess_nll == pytest.approx(true.excess_nll, abs=1e-8)
    assert _deepest(profile, np.array([np.nan]), grid) is poor


def test_starts_lie_near_the_minima(two_channels: tuple[Model, Data]) -> None:
    model, data = two_channels
    best = fit(model, data)
    held = {"mu": best.value("mu") + 0.1, "k": best.value("k") - 0.02}
    start = best.all_moved(tuple(held), np.array([list(held.values())]))[0]
    found = fit(model, data, fixed=held)
    assert np.max(np.abs(start - found.values)) < 0.1 * np.max(np.abs(best.values - found.values))
    np.testing.assert_array_equal(best.all_moved(("mu",), np.array([[0.5], [1.0]]))[1], best.moved("mu", 1.0))


def test_on_workers_resumed_and_pickled(two_channels: tuple[Model, Data], tmp_path: Path) -> None:
    model, data = two_channels
    values = [[0.5, 1.0, 1.5]]
    here = profile_scan(model, data, ["mu"], values)
    with ThreadPoolExecutor(2) as executor:
        there = profile_scan(model, data, ["mu"], values, batch=BatchOptions(executor=executor))
    np.testing.assert_array_equal(here.rise, there.rise)
    profile = ProfileOf(model=model, data=data, best=fit(model, data), names=("mu",), options=FitOptions())
    assert pickle.loads(pickle.dumps(profile)).excesses([(0.5,)]) == profile.excesses([(0.5,)])
    seen: list[tuple[str, int, int]] = []
    profile_scan(model, data, ["mu"], [[0.5, 1.0]], batch=BatchOptions(resume=tmp_path / "scan.jsonl"))
    watched = BatchOptions(resume=tmp_path / "scan.jsonl", progress=lambda *step: seen.append(step))
    kept = profile_scan(model, data, ["mu"], values, batch=watched)
    assert seen[-1] == ("profile fits", 1, 1)  # two were there
    np.testing.assert_array_equal(kept.rise, here.rise)


def test_values_as_an_array(two_channels: tuple[Model, Data]) -> None:
    name = two_channels[0].parameters.names[0]
    listed = profile_scan(*two_channels, [name], [[0.5, 1.0]])
    np.testing.assert_array_equal(profile_scan(*two_channels, [name], np.array([[0.5, 1.0]])).rise, listed.rise)  # type: ignore[arg-type]
