"""What is suspicious in the shapes of variations: noise, and statistics that are taken for a systematic."""

from collections.abc import Iterator, Sequence

import numpy as np

from hftranslate.doctor.findings import Finding, Place, found
from hftranslate.doctor.variations import RELEVANT, Variations
from hftranslate.likelihood.cells import Floats
from hftranslate.workspace import HistoSys, StatError

#: A smooth variation turns once or twice; noise in two of three bins. Less than this many turns are never noise.
_LEAST_TURNS = 3
#: Noise turns in at least this fraction of the bins where it can.
_OFTEN = 0.5
#: Steps below this fraction of the whole range are no turn.
_SMALL_STEP = 0.1


def shape_findings(all_variations: Sequence[Variations]) -> Iterator[Finding]:
    """Shapes that go up and down like noise, or stay within the statistical uncertainty of their sample."""
    yield from found(
        "noisy-variation",
        "warning",
        [place for v in all_variations for place in _noisy(v)],
        reason="a variation goes up and down from bin to bin, as statistical fluctuations do and few effects; a fit may"
        " follow them",
        suggestion="smooth the variation, merge bins, or express it as a NormSys",
    )
    yield from found(
        "statistics-dominated-variation",
        "note",
        [place for v in all_variations for place in _within_statistics(v)],
        reason="the shape of a variation differs from the nominal one by no more than the statistical uncertainty of "
        "the sample (its StatError): unless both come from the same events, it may be fluctuations only",
        suggestion="keep its normalisation only (a NormSys), or smooth it",
    )


def _noisy(v: Variations) -> Iterator[Place]:
    good = v.nominal > 0.0
    possible = int(good.sum()) - 2
    if possible < _LEAST_TURNS:
        return
    for k in range(len(v.parameters)):
        for change, side in ((v.low[k], "-1"), (v.high[k], "+1")):
            size = float(np.ptp(v.of_total(_shape(v.nominal, change))))
            turns = count_turns(change[good] / v.nominal[good])
            if size >= RELEVANT and turns >= max(_LEAST_TURNS, _OFTEN * possible):
                detail = f"turns {turns} times in {possible + 2} bins at {side} sigma, by {size:.1%} of a bin's total"
                yield v.place(k, detail, size)
                break


def count_turns(values: Floats) -> int:
    """How often a sequence changes between rising and falling; steps that are small beside its range do not count."""
    steps = np.diff(values)
    signs = np.sign(steps[np.abs(steps) > _SMALL_STEP * np.ptp(values)]) if len(values) else steps
    return int(np.sum(signs[1:] != signs[:-1]))


def _within_statistics(v: Variations) -> Iterator[Place]:
    errors = next((np.array(m.data, dtype=float) for m in v.sample.modifiers if isinstance(m, StatError)), None)
    total = float(v.nominal.sum())
    if errors is None or not total > 0.0 or len(errors) < 2:
        return
    known = errors > 0.0
    for k, modifiers in enumerate(v.modifiers):
        if not any(isinstance(m, HistoSys) for m in modifiers):
            continue
        shapes = [_shape(v.nominal, change) for change in (v.low[k], v.high[k])]
        size = max(float(np.max(np.abs(v.of_total(shape)))) for shape in shapes)
        chi2 = max(float(np.sum((shape[known] / errors[known]) ** 2)) for shape in shapes)
        if size >= RELEVANT and known.any() and chi2 <= int(known.sum()) - 1:
            detail = f"chi-square {chi2:.2g} for {int(known.sum())} bins, and up to {size:.1%} of a bin's total"
            yield v.place(k, detail, size)


def _shape(nominal: Floats, change: Floats) -> Floats:
    """What a variation changes beside the normalisation."""
    factor = 1.0 + float(change.sum()) / float(nominal.sum())
    shape: Floats = nominal + change - factor * nominal
    return shape
