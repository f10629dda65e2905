"""What a fit to the data shows: failures, ranges that cut it, directions the data say nothing about, large pulls."""

from collections.abc import Iterator

import numpy as np

from hftranslate.doctor.findings import Finding, Place, found
from hftranslate.errors import HFTranslateError
from hftranslate.inference.fit import FitResult, fit
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.pulls import pulls
from hftranslate.likelihood.cells import Floats
from hftranslate.likelihood.model import Data, Model

#: Models with more parameters are not fitted: the time grows with the third power.
MOST_PARAMETERS = 2000
#: Smallest eigenvalue of the scaled Hessian that still counts as a measurement.
_FLAT = 1e-8
_LARGE_PULL = 3.0


def fit_findings(model: Model, data: Data) -> Iterator[Finding]:
    """What is suspicious about the maximum-likelihood fit to the observed data."""
    if len(model.parameters) > MOST_PARAMETERS:
        yield from found(
            "not-fitted",
            "note",
            [Place(detail=f"{len(model.parameters)} parameters")],
            reason=f"a model with more than {MOST_PARAMETERS} parameters is not fitted here",
            suggestion="fit it with 'hftranslate fit'",
        )
        return
    try:
        best = fit(model, data, options=FitOptions(raise_on_failure=False))
    except HFTranslateError as error:
        yield from _failed(str(error))
        return
    if best.status == "kink":
        yield from found(
            "fit-on-kink",
            "warning",
            [Place(detail=best.message)],
            reason="the minimum lies on a kink of the likelihood: second derivatives give no uncertainties there",
            suggestion="look for one-sided variations and for samples that become negative",
        )
    elif best.status == "unsure":
        yield from found(
            "several-minima",
            "warning",
            [Place(detail=best.message)],
            reason="the likelihood has several minima, and results depend on which of them is taken",
            suggestion="look for variations that are very uneven, or as large as what they vary",
        )
    elif best.status != "converged":
        yield from _failed(best.message)
        return
    yield from _bounds(model, best)
    yield from _flat_directions(model, best)
    yield from _pulls(model, data, best)


def _failed(message: str) -> Iterator[Finding]:
    yield from found(
        "fit-failed",
        "error",
        [Place(detail=message)],
        reason="the maximum-likelihood fit to the data does not converge",
        suggestion="see the other findings: empty bins, negative expectations and degenerate parameters are causes",
    )


def _bounds(model: Model, best: FitResult) -> Iterator[Finding]:
    at_bound: list[Place] = []
    at_zero: list[Place] = []
    close = []
    uncertainties = best.uncertainties
    for i, name in enumerate(best.names):
        if best.fixed[i]:
            continue
        value, (low, high) = float(best.values[i]), (float(b) for b in best.bounds[i])
        told = f"{value:.4g} in the range [{low:g}, {high:g}]"
        if best.at_bound[i]:
            natural = value <= low and abs(low) <= 1e-9  # a yield of zero is where physics ends
            (at_zero if natural else at_bound).append(Place(parameter=name, detail=told))
            continue
        sigma = float(uncertainties[i])
        room = min(value - low if low < -1e-9 or model.parameters.width[i] > 0.0 else np.inf, high - value)
        if np.isfinite(sigma) and sigma > room and name == model.parameters.sets[i]:
            close.append(Place(parameter=name, detail=f"{told}, uncertainty {sigma:.4g}", size=sigma / room - 1.0))
    yield from found(
        "best-fit-at-bound",
        "warning",
        at_bound,
        reason="the best fit lies at the end of a parameter's range: the range decides the result, not the data",
        suggestion="widen the range, or find out why the data pull so far",
    )
    yield from found(
        "best-fit-at-zero",
        "note",
        at_zero,
        reason="the best fit lies at the lower end of a range, at zero: the data have fewer events than expected, and "
        "uncertainties from second derivatives leave the parameter out",
        suggestion="nothing where it is the signal strength; otherwise check the sample that it scales",
    )
    yield from found(
        "range-cuts-uncertainty",
        "warning",
        close,
        reason="the range of a parameter ends within one standard deviation of its best fit",
        suggestion="widen the range",
    )


def _flat_directions(model: Model, best: FitResult) -> Iterator[Finding]:
    """Combinations of parameters that change nothing, from the eigenvectors of the Hessian with a unit diagonal."""
    index = np.flatnonzero(~best.fixed & ~best.at_bound)
    if not index.size:
        return
    hessian = best.hessian[np.ix_(index, index)]
    diagonal = np.diagonal(hessian)
    idle = [Place(parameter=best.names[i]) for i, d in zip(index, diagonal, strict=True) if d == 0.0]
    yield from found(
        "parameter-without-effect",
        "warning",
        idle,
        reason="neither the data nor a constraint say anything about a free parameter",
        suggestion="remove it, or hold it constant",
    )
    kept = diagonal > 0.0
    index, diagonal = index[kept], diagonal[kept]
    if not index.size or not np.all(np.isfinite(hessian)):
        return
    scaled = hessian[np.ix_(kept, kept)] / np.sqrt(np.outer(diagonal, diagonal))
    values, vectors = np.linalg.eigh(scaled)
    places = [
        Place(detail=_combination([best.names[i] for i in index], vectors[:, k]), size=-float(values[k]))
        for k in np.flatnonzero(values < _FLAT).tolist()
    ]
    yield from found(
        "degenerate-parameters",
        "warning",
        places,
        reason="the data cannot tell parameters apart: a combination of them leaves the likelihood as it is",
        suggestion="hold one of them constant, constrain it, or add a control region",
    )


def _combination(names: list[str], vector: Floats) -> str:
    order = np.argsort(-np.abs(vector))
    shown = [names[i] for i in order[:6] if abs(vector[i]) >= 0.1]
    others = int(np.sum(np.abs(vector) >= 0.1)) - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others > 0 else "")


def _pulls(model: Model, data: Data, best: FitResult) -> Iterator[Finding]:
    places = [
        Place(parameter=p.name, detail=f"{p.pull:+.2f} standard deviations of its constraint", size=abs(p.pull))
        for p in pulls(model, data, best)
        if p.pull is not None and abs(p.pull) > _LARGE_PULL
    ]
    yield from found(
        "large-pull",
        "warning",
        places,
        reason="the data pull a parameter more than three standard deviations of its constraint away",
        suggestion="check the uncertainty's size, and what the model lacks in the bins that pull",
    )
