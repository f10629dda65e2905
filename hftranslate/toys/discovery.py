"""The significance of a signal by toys of the background."""

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

import numpy as np

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.display.speaking import Table, plain
from hftranslate.errors import InputError
from hftranslate.inference.asymptotics import BANDS, significance_of
from hftranslate.inference.discovery import significance_table
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import PoiRange, Tester
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.scipy_parts import ndtr
from hftranslate.toys.hypotest import OfToys, PValue, fractions_above, p_value, rank, valid
from hftranslate.toys.samples import (
    DEFAULT_TOYS,
    ToyExperiment,
    ToyOptions,
    ToySample,
    journal_of,
    observed_key,
    run_toys,
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ToySignificance(OfToys):
    """A test of the background alone by toys.

    Attributes
    ----------
    q0, muhat
        the discovery statistic of the data, and the best fit of the parameter of interest.
    p0, z
        the fraction of toys without signal whose statistic is at least as large, and that in standard deviations
        (infinite where there are none).
    expected_poi
        the signal of the toys that make the expectation.
    p0_exp, z_exp
        what is expected with that signal, at -2, -1, 0, +1, +2 standard deviations, ``(5,)``.
    """

    q0: float
    muhat: float
    p0: PValue
    z: float
    expected_poi: float
    p0_exp: tuple[float, ...]
    z_exp: tuple[float, ...]

    def tables(self) -> tuple[Table, ...]:
        """p0 and Z."""
        rows = {"Z": (self.z, self.z_exp), "p0": (self.p0.value, self.p0_exp)}
        return (significance_table(rows, self.expected_poi, self.muhat, self),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``significance --toys``; ``None`` for a Z beyond the number of toys.

        ``outside_range`` names what lies outside the range of the parameter of interest, if anything does.
        """
        outside = self.outside_range({"muhat": self.muhat, "expected_poi": self.expected_poi})
        return {
            "p0": self.p0.value,
            "z": plain(self.z),
            "errors": {"p0": self.p0.error},
            "q0": self.q0,
            "muhat": self.muhat,
            "expected": {"poi": self.expected_poi, "p0": list(self.p0_exp), "z": list(map(plain, self.z_exp))},
            "toys": self.toys_dict({"p0": self.p0}),
            "conventions": self.conventions,
            **({"outside_range": outside} if outside else {}),
        }


def toy_significance(
    model: Model,
    data: Data,
    *,
    expected_poi: float = 1.0,
    poi_range: PoiRange = "named",
    options: FitOptions = DEFAULT_OPTIONS,
    toy_options: ToyOptions = DEFAULT_TOYS,
    batch: BatchOptions = DEFAULT_BATCH,
) -> ToySignificance:
    """The significance of a signal by toys without signal, and the expectation by toys with one.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    expected_poi, poi_range, options
        as in :func:`~hftranslate.inference.discovery.significance`.
    toy_options, batch
        as in :func:`~hftranslate.toys.hypotest.toy_test`.

    Returns
    -------
    ToySignificance
        ``p0`` and ``z`` with their statistical uncertainties.

    Raises
    ------
    FitFailed
        A fit of the data failed, or too many toys.
    """
    if not (isfinite(expected_poi) and expected_poi > 0.0):
        raise InputError(f"the signal of an expected significance is above zero, not {expected_poi}")
    tester = Tester(model=model, data=data, poi_range=poi_range, options=options)
    q0, free, background = tester.q0()
    experiment = ToyExperiment(
        model=model,
        test_stat="q0",
        poi_range=poi_range,
        truths={"signal": tester.conditional_fit(expected_poi).values, "background": background.values},
        options=replace(options, other_minima="quick"),
    )
    observed = {"q": q0, "muhat": free.value(tester.poi)}
    journal = journal_of(batch, experiment, data, expected_poi=expected_poi)
    if journal is not None and observed_key(0.0) not in journal.results:
        journal.keep(observed_key(0.0), observed)
    sample = run_toys(experiment, 0.0, toy_options, batch=batch, journal=journal)
    found = toy_significance_of(sample, q0, observed["muhat"], expected_poi)
    return replace(found, **tester.about, seeds=(toy_options.seed,))


def toy_significance_of(sample: ToySample, q0: float, muhat: float, expected_poi: float) -> ToySignificance:
    """The significance from toys and the statistic of the data."""
    p0 = p_value(sample.background, q0)
    signal, background = valid(sample.signal), valid(sample.background)
    p0_of = np.sort(fractions_above(background, signal))[::-1]  # from the least significant toy to the most
    p0_exp = tuple(float(p0_of[rank(float(ndtr(k)), len(p0_of))]) for k in BANDS)
    return ToySignificance(
        q0=q0,
        muhat=muhat,
        p0=p0,
        z=_z(p0.value),
        expected_poi=expected_poi,
        p0_exp=p0_exp,
        z_exp=tuple(_z(p) for p in p0_exp),
        n_signal=len(sample.signal),
        n_background=len(sample.background),
        failed_signal=len(sample.signal) - len(signal),
        failed_background=len(sample.background) - len(background),
    )


def _z(p: float) -> float:
    """Standard deviations of a p-value; one, the fraction of toys at least as large as zero, counts as no signal."""
    return inf if p == 0.0 else max(significance_of(p), 0.0)
