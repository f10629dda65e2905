"""The chi-square of data and expectation: its closed form, and its distribution in pseudo-experiments."""

from typing import Any, Literal

import numpy as np
import pytest
from scipy.stats import chi2, kstest

import hftranslate as hft
from hftranslate.likelihood.agreement import agreement
from hftranslate.workspace import HistoSys, NormFactor, NormSys, StatError
from tests.likelihood.builders import channel, workspace

SIGNAL, BACKGROUND, CONTROL = (5.0, 20.0, 40.0, 10.0), (400.0, 300.0, 200.0, 90.0), (900.0, 500.0)


def tilted(values: tuple[float, ...], size: float) -> HistoSys:
    slope = 1.0 + np.linspace(-size, size, len(values))
    return HistoSys(name="tilt", lo_data=tuple(values * (2.0 - slope)), hi_data=tuple(values * slope))


def stat(name: str, values: tuple[float, ...]) -> StatError:
    return StatError(name=f"staterror_{name}", data=tuple(0.03 * v for v in values))


WS = workspace(
    channel(
        "SR",
        [1.0] * 4,
        ("signal", list(SIGNAL), NormFactor(name="mu")),
        (
            "background",
            list(BACKGROUND),
            NormFactor(name="k"),
            tilted(BACKGROUND, 0.1),
            NormSys(name="n", lo=0.9, hi=1.1),
            stat("SR", BACKGROUND),
        ),
    ),
    channel(
        "CR", [1.0] * 2, ("background", list(CONTROL), NormFactor(name="k"), tilted(CONTROL, 0.2), stat("CR", CONTROL))
    ),
)


def test_closed_forms() -> None:
    observed, expected = np.array([12.0, 7.0]), np.array([10.0, 9.0])
    found = agreement(observed, expected, np.zeros((2, 2)), "prefit")
    assert found is not None
    assert (found.chi2, found.ndf) == (pytest.approx(4.0 / 10.0 + 4.0 / 9.0), 2)
    assert found.p_value == pytest.approx(chi2.sf(found.chi2, 2))
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]])
    for stage, sign in (("prefit", 1.0), ("postfit", -1.0)):
        kind: Any = stage
        found = agreement(observed, expected, covariance, kind)
        residual = observed - expected
        assert found is not None
        assert found.chi2 == pytest.approx(residual @ np.linalg.solve(np.diag(expected) + sign * covariance, residual))
    assert agreement(observed, np.array([10.0, 0.0]), covariance, "prefit") is None
    assert agreement(observed, expected, np.diag(expected), "postfit") is None  # all was fitted away


@pytest.mark.slow
def test_probabilities_are_uniform_in_pseudo_experiments() -> None:
    """Before the fit with parameters drawn from their constraints, after it too: the counts are large."""
    model, data = hft.compile_model(WS)
    rng = np.random.default_rng(31)
    centres, width = model.constraints.centres(data.auxdata), model.parameters.width
    drawn = np.isfinite(centres) & (width > 0.0)
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(150):
        theta = model.parameters.init.copy()
        theta[drawn] += width[drawn] * rng.normal(size=int(drawn.sum()))
        toy = model.data(rng.poisson(np.maximum(model.rates(theta), 0.0)), data.auxdata)
        for yields in (hft.fitted_yields(model, None, toy), hft.fitted_yields(model, hft.fit(model, toy))):
            for one in yields.channels:
                assert one.agreement is not None
                assert one.to_dict()["agreement"]["p_value"] == one.agreement.p_value
                found.setdefault((yields.stage, one.name), []).append(one.agreement.p_value)
    assert len(found) == 4
    for probabilities in found.values():
        assert kstest(probabilities, "uniform").pvalue > 1e-3


def test_a_free_factor_takes_a_degree_of_freedom() -> None:
    ws = workspace(channel("SR", [90.0, 130.0], ("b", [100.0, 100.0], NormFactor(name="mu"))))
    model, data = hft.compile_model(ws)
    (one,) = hft.fitted_yields(model, hft.fit(model, data)).channels
    assert one.agreement is not None
    # mean 110 in both bins: Pearson's chi-square with one degree of freedom
    assert (one.agreement.chi2, one.agreement.ndf) == (pytest.approx(2.0 * 20.0**2 / 110.0, rel=1e-6), 1)


STAGES: tuple[Literal["prefit", "postfit"], ...] = ("prefit", "postfit")


@pytest.mark.parametrize("stage", STAGES)
def test_unknown_uncertainties_test_nothing(stage: Literal["prefit", "postfit"]) -> None:
    assert agreement(np.ones(2), np.ones(2), np.full((2, 2), np.nan), stage) is None
