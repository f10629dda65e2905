"""Tests of the background alone: is there a signal? (arXiv:1007.1727v3, "CCGV")."""

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

from hftranslate.errors import InputError
from hftranslate.inference.asymptotics import BANDS, discovery_pvalue, tail
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import PoiRange, Tester, outside_range
from hftranslate.likelihood.model import Data, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """A test of the background alone.

    Attributes
    ----------
    q0, p0, z
        the discovery statistic, its p-value and that in standard deviations.
    muhat
        best-fit value of the parameter of interest, not below zero.
    free_nll, conditional_nll
        NLL at the best fit and without signal, constants included.
    expected_poi, q0_asimov
        a signal strength, and the discovery statistic in its Asimov data.
    p0_exp, z_exp
        what is expected with that signal, at -2, -1, 0, +1, +2 standard deviations of ``muhat``, ``(5,)``.
    """

    q0: float
    p0: float
    z: float
    muhat: float
    free_nll: float
    conditional_nll: float
    expected_poi: float
    q0_asimov: float
    p0_exp: tuple[float, ...]
    z_exp: tuple[float, ...]


def significance(
    model: Model,
    data: Data,
    *,
    expected_poi: float = 1.0,
    poi_range: PoiRange = "named",
    options: FitOptions = DEFAULT_OPTIONS,
) -> Significance:
    """The significance of a signal, observed, and expected for a signal of a given strength.

    The statistic is q0 (CCGV Eq. 12), zero where the best fit is not above zero; ``p0`` follows from Eq. 52 and ``z``
    from Eq. 53. The expectation is that of the Asimov data of ``expected_poi``, with the nuisance parameters fitted to
    the data there; its band is that of a normal ``muhat`` (section 4.3), not cut off at zero: a negative ``z`` belongs
    to a deficit.

    Raises
    ------
    FitFailed
        One of the fits reached no minimum.
    InputError
        The parameter of interest is constant, or a signal lies outside the range to which ``"model"`` keeps.
    MissingInput
        The measurement names no parameter of interest that the model has.
    """
    if not (isfinite(expected_poi) and expected_poi > 0.0):
        raise InputError(f"the signal of an expected significance is above zero, not {expected_poi}")
    tester = Tester(model=model, data=data, poi_range=poi_range, options=options)
    q0, free, background = tester.q0()
    asimov = model.expected_data(tester.conditional_fit(expected_poi).values)
    q0_asimov = Tester(model=model, data=asimov, poi_range=poi_range, options=options).q0()[0]
    z_exp = tuple(sqrt(q0_asimov) + k for k in BANDS)
    return Significance(
        q0=q0,
        p0=discovery_pvalue(q0),
        z=sqrt(q0),
        muhat=free.value(tester.poi),
        free_nll=free.nll,
        conditional_nll=background.nll,
        expected_poi=expected_poi,
        q0_asimov=q0_asimov,
        p0_exp=tuple(tail(z) for z in z_exp),
        z_exp=z_exp,
    )


def significance_document(model: Model, result: Significance) -> dict[str, Any]:
    """A significance as plain JSON values.

    ``outside_range`` names what lies outside the model's range of the parameter of interest.
    """
    return {
        "p0": result.p0,
        "z": result.z,
        "q0": result.q0,
        "muhat": result.muhat,
        "outside_range": outside_range(model, {"muhat": result.muhat, "expected_poi": result.expected_poi}),
        "expected": {
            "poi": result.expected_poi,
            "p0": list(result.p0_exp),
            "z": list(result.z_exp),
            "q0_asimov": result.q0_asimov,
        },
        "conventions": model.conventions.name,
    }
