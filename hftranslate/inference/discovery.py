"""Tests of the background alone: is there a signal? (arXiv:1007.1727v3, "CCGV")."""

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

from hftranslate.display.speaking import Table, short
from hftranslate.errors import InputError
from hftranslate.inference.asymptotics import BANDS, discovery_pvalue, tail
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import OfPoi, PoiRange, Tester, bands_table
from hftranslate.likelihood.model import Data, Model


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Significance(OfPoi):
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

    def tables(self) -> tuple[Table, ...]:
        """p0 and Z."""
        rows = {"Z": (self.z, self.z_exp), "p0": (self.p0, self.p0_exp)}
        return (significance_table(rows, self.expected_poi, self.muhat, self),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``significance``.

        ``outside_range`` names what lies outside the model's range of the parameter of interest.
        """
        return {
            "p0": self.p0,
            "z": self.z,
            "q0": self.q0,
            "muhat": self.muhat,
            "outside_range": self.outside_range({"muhat": self.muhat, "expected_poi": self.expected_poi}),
            "expected": {
                "poi": self.expected_poi,
                "p0": list(self.p0_exp),
                "z": list(self.z_exp),
                "q0_asimov": self.q0_asimov,
            },
            "conventions": self.conventions,
        }


def significance_table(
    rows: dict[str, tuple[float, tuple[float, ...]]], expected_poi: float, muhat: float, result: OfPoi
) -> Table:
    """Z and p0, observed and expected for a signal."""
    (z, z_exp), (p0, _) = rows["Z"], rows["p0"]
    poi = result.poi or "POI"
    caption = f"Z = {z:.3g} (p0 = {p0:.3g}), expected {z_exp[2]:.3g} for {poi} = {expected_poi:g}"
    return bands_table(caption, rows, f"best fit {poi} = {short(muhat)}; {result.note}")


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

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    expected_poi
        the signal strength that is expected.
    poi_range
        ``"named"``: the fits may leave the model's range of the parameter of interest, as q0 means it; ``"model"``:
        they stay within it, as in ROOT and pyhf.
    options
        how to minimise.

    Returns
    -------
    Significance
        ``p0`` and ``z``, observed and expected with five quantiles.

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
        **tester.about,
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
