"""What is suspicious in the nominal yields, the data, and the uncertainties of single bins."""

from collections.abc import Iterable, Iterator

import numpy as np

from hftranslate.doctor.findings import Finding, Place, found
from hftranslate.likelihood.cells import Floats
from hftranslate.workspace import Channel, Measurement, Sample, ShapeSys, StatError, Workspace
from hftranslate.workspace.bin_factors import bin_widths
from hftranslate.workspace.map import all_uses, is_scaled_by
from hftranslate.workspace.parameter_names import Use, declared_parameters

#: Relative uncertainties of bins beyond which a constraint is no longer what its name says.
_HUGE_WIDTH = 1.0


def nominal_findings(workspace: Workspace, measurement: Measurement) -> Iterator[Finding]:
    """Negative and missing expectations of the nominal model, and uncertainties of bins that mean nothing."""
    yield from _negative_nominal(workspace)
    yield from _bins_without_expectation(workspace, set(measurement.pois))
    yield from _uncertainties_on_empty_bins(workspace)
    yield from _huge_bin_uncertainties(workspace)
    yield from _shared_bin_uncertainties(workspace, set(measurement.pois))


def total_of(samples: Iterable[Sample], n_bins: int) -> Floats:
    """Sum of the nominal yields of samples, ``(n_bins,)``."""
    total = np.zeros(n_bins)
    for s in samples:
        total += np.array(s.nominal, dtype=float)
    return total


def _negative_nominal(workspace: Workspace) -> Iterator[Finding]:
    of_samples, of_bins = [], []
    for c in workspace.channels:
        total = total_of(c.samples, c.n_bins)
        for s in c.samples:
            of_samples += [
                Place(channel=c.name, sample=s.name, bin=b, detail=f"{h:.4g} of {total[b]:.4g} in the bin", size=-h)
                for b, h in enumerate(s.nominal)
                if h < 0
            ]
        of_bins += [
            Place(channel=c.name, bin=b, detail=f"{total[b]:.4g} expected", size=-float(total[b]))
            for b in np.flatnonzero(total < 0.0).tolist()
        ]
    yield from found(
        "negative-bin",
        "error",
        of_bins,
        reason="all samples together expect fewer than zero events at the nominal point: the likelihood is undefined",
        suggestion="merge the bin with its neighbour, or remove the negative weights of the simulation",
    )
    yield from found(
        "negative-nominal",
        "warning",
        of_samples,
        reason="a sample has a negative nominal yield: it is subtracted (ROOT clips it where the sample has HistoSys)",
        suggestion="set the bin to zero (or a small positive yield) with an uncertainty, or merge bins",
    )


def _bins_without_expectation(workspace: Workspace, pois: set[str]) -> Iterator[Finding]:
    with_data: list[Place] = []
    without_data: list[Place] = []
    signal_only: list[Place] = []
    signal_alone: list[Place] = []
    for c in workspace.channels:
        total = total_of(c.samples, c.n_bins)
        background = total_of((s for s in c.samples if not is_scaled_by(s, pois)), c.n_bins)
        observed = c.observed or (0,) * c.n_bins
        for b in np.flatnonzero((total == 0.0) | (background <= 0.0)).tolist():
            place = Place(channel=c.name, bin=b, detail=f"{observed[b]:g} observed", size=float(observed[b]))
            if total[b] == 0.0:
                (with_data if observed[b] > 0 else without_data).append(place)
            elif total[b] > 0.0:
                (signal_only if observed[b] > 0 else signal_alone).append(place)
    yield from found(
        "data-without-expectation",
        "error",
        with_data,
        reason="events are observed where no sample expects any: the likelihood is zero",
        suggestion="add the missing background, or leave the bin out",
    )
    yield from found(
        "data-without-background",
        "warning",
        signal_only,
        reason="events are observed where only the signal expects any: the fit without signal is impossible",
        suggestion="give the bin a background with an uncertainty, or merge it with its neighbour",
    )
    yield from found(
        "signal-without-background",
        "note",
        signal_alone,
        reason="only the signal expects events in the bin",
        suggestion="check that the background is really zero there and not lost to low statistics",
    )
    yield from found(
        "empty-bin",
        "note",
        without_data,
        reason="no sample expects events in the bin and none are observed: it says nothing",
        suggestion="leave the bin out",
    )


def _uncertainties_on_empty_bins(workspace: Workspace) -> Iterator[Finding]:
    places = [
        Place(channel=c.name, sample=s.name, bin=b, parameter=m.name, detail=f"{e:.4g} on {h:.4g} events", size=e)
        for c, s, m in all_uses(workspace.channels)
        if isinstance(m, ShapeSys) and not m.relative
        for b, (e, h) in enumerate(zip(m.data, s.nominal, strict=True))
        if e > 0 and h <= 0
    ]
    places += (place for c in workspace.channels for place in _staterrors_on_empty_bins(c))
    yield from found(
        "uncertainty-on-empty-bin",
        "warning",
        places,
        reason="an uncertainty stands on a bin without nominal yield: a factor on zero changes nothing, it is ignored",
        suggestion="give the bin a small nominal yield, or express the uncertainty as a HistoSys",
    )


def _staterrors_on_empty_bins(channel: Channel) -> Iterator[Place]:
    by_name: dict[str, tuple[Floats, Floats]] = {}
    for s in channel.samples:
        for m in s.modifiers:
            if isinstance(m, StatError):
                total, squares = by_name.setdefault(m.name, (np.zeros(channel.n_bins), np.zeros(channel.n_bins)))
                total += np.array(s.nominal, dtype=float)
                squares += np.square(np.array(m.data, dtype=float))
    for name, (total, squares) in by_name.items():
        for b in np.flatnonzero((total <= 0.0) & (squares > 0.0)).tolist():
            error = float(np.sqrt(squares[b]))
            detail = f"{error:.4g} on {total[b]:.4g} events of the samples that share it"
            yield Place(channel=channel.name, bin=b, parameter=name, detail=detail, size=error)


def _huge_bin_uncertainties(workspace: Workspace) -> Iterator[Finding]:
    places = []
    for name, declared in declared_parameters(workspace.channels).items():
        if declared.kind != "gamma":
            continue
        kind, widths = bin_widths(declared)
        channels = {c.name: c for c, _, _ in declared.uses}
        where = [(c, b) for c in declared.bin_channels for b in range(channels[c].n_bins)]
        places += [
            Place(channel=c, bin=b, parameter=name, detail=f"{w:.0%} ({kind} constraint)", size=w)
            for (c, b), w in zip(where, widths, strict=True)
            if w >= _HUGE_WIDTH
        ]
    yield from found(
        "huge-bin-uncertainty",
        "warning",
        places,
        reason="the uncertainty of a bin is as large as its yield: the constraint allows (almost) no events, and a "
        "Gaussian one is cut off at zero",
        suggestion="merge the bin with its neighbour, or constrain it by a control region",
    )


def _shared_bin_uncertainties(workspace: Workspace, pois: set[str]) -> Iterator[Finding]:
    with_signal: list[Place] = []
    over_channels, ambiguous = [], []
    for name, declared in declared_parameters(workspace.channels).items():
        staterrors = list(declared.modifiers(StatError))
        if staterrors:
            if len(declared.bin_channels) > 1:
                over_channels.append(Place(parameter=name, detail=f"channels {', '.join(declared.bin_channels)}"))
            with_signal += _shared_with_signal(name, staterrors, pois)
        shapesys = [(c, s, m) for c, s, m in declared.uses if isinstance(m, ShapeSys)]
        if len({_relative(s, m) for _, s, m in shapesys}) > 1:
            c, s, _ = shapesys[0]
            ambiguous.append(
                Place(channel=c.name, sample=s.name, parameter=name, detail=f"shared by {len(shapesys)} samples")
            )
    yield from found(
        "shared-shapesys",
        "warning",
        ambiguous,
        reason="samples with different relative uncertainties share the factors of a ShapeSys: only the first one's "
        "uncertainties constrain them",
        suggestion="give each sample a ShapeSys of its own, or use a StatError, which adds uncertainties up",
    )
    yield from found(
        "staterror-with-signal",
        "note",
        with_signal,
        reason="signal and background share statistical factors whose width is that at the nominal signal strength; "
        "the signal makes up a tenth or more of it",
        suggestion="give the signal a ShapeSys of its own, or no statistical uncertainty",
    )
    yield from found(
        "staterror-over-channels",
        "note",
        over_channels,
        reason="several channels use one name of a StatError: the factors are still one per bin and channel, but their "
        "numbering depends on the order of channels, and some tools refuse it",
        suggestion="use one name per channel, for example staterror_CHANNEL",
    )


def _shared_with_signal(name: str, uses: list[Use], pois: set[str]) -> Iterator[Place]:
    by_channel: dict[str, list[tuple[bool, Floats]]] = {}
    for c, s, m in uses:
        assert isinstance(m, StatError)
        by_channel.setdefault(c.name, []).append((is_scaled_by(s, pois), np.square(np.array(m.data, dtype=float))))
    for channel, shares in by_channel.items():
        total = np.sum([v for _, v in shares], axis=0)
        signal = np.sum([v for signal, v in shares if signal] or [np.zeros_like(total)], axis=0)
        if len(shares) < 2 or not np.any(signal):
            continue
        part = np.divide(signal, total, out=np.zeros_like(total), where=total > 0.0)
        b = int(np.argmax(part))
        if part[b] >= 0.1:
            detail = f"{part[b]:.0%} of the variance comes from the signal"
            yield Place(channel=channel, bin=b, parameter=name, detail=detail, size=float(part[b]))


def _relative(sample: Sample, m: ShapeSys) -> tuple[float, ...]:
    if m.relative:
        return tuple(round(float(e), 9) for e in m.data)
    return tuple(round(e / h, 9) if h > 0 else 0.0 for e, h in zip(m.data, sample.nominal, strict=True))
