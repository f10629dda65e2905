"""A Workspace from histograms in Python: hist, boost-histogram, uproot, or whatever follows their common protocol."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import FormatError, InvalidWorkspace, MissingInput, did_you_mean
from hftranslate.workspace import (
    PYHF,
    Channel,
    HistoSys,
    Measurement,
    Modifier,
    Numbers,
    Sample,
    StatError,
    Workspace,
)
from hftranslate.workspace.parameter_names import staterror_name
from hftranslate.workspace.to_hist import SAMPLES


class Histogram(Protocol):
    """What is asked of a histogram (UHI's PlottableHistogram)."""

    @property
    def axes(self) -> Any:
        """Its axes, x first."""

    def values(self) -> Any:
        """The contents of its bins."""

    def variances(self) -> Any:
        """Their variances, or ``None``."""


#: The histograms of a sample: its nominal one, or by name ``"nominal"`` and, for each systematic, ``"X_up"`` and
#: ``"X_down"``.
OfSample: TypeAlias = "Histogram | Mapping[str, Histogram]"
#: Those of a channel: by sample, or all in one with an axis of samples.
OfChannel: TypeAlias = "Histogram | Mapping[str, OfSample]"

NOMINAL = "nominal"
VARIATIONS = "variations"
_SIDE = re.compile(r"(?P<name>.*[^_])_?(?P<side>up|down)", re.IGNORECASE)


def from_hist(
    channels: Mapping[str, OfChannel],
    *,
    data: Mapping[str, Histogram] | None = None,
    modifiers: Mapping[str, Sequence[Modifier]] | None = None,
    poi: str | None = None,
    measurements: Sequence[Measurement] | None = None,
    staterrors: bool = True,
) -> Workspace:
    """Build a workspace from histograms.

    Parameters
    ----------
    channels
        by name of the channel, the histograms of its samples: a mapping from the name of the sample to its histogram,
        or to a mapping with ``"nominal"`` and, for each systematic ``X``, ``"X_up"`` and ``"X_down"`` (also ``"XUp"``
        and ``"XDown"``), which become a HistoSys. Instead of the mappings, one histogram with an axis of categories
        named ``"samples"`` and perhaps one named ``"variations"``; a variation that is empty on both sides is one that
        the sample does not have.
    data
        observed events by channel; channels without have no data.
    modifiers
        further modifiers by sample (norm factors, NormSys, Lumi), in all channels that have the sample.
    poi
        parameter of interest of the one measurement, ``"measurement"``.
    measurements
        in its place, measurements with settings of parameters.
    staterrors
        whether the variances of the nominal histograms become the statistical uncertainties of the simulation. A
        sample without variances, or where all are zero, has none. Histograms of counts have the counts as variances.

    Returns
    -------
    Workspace
        under pyhf's conventions, with the edges of the histograms.

    Raises
    ------
    InvalidWorkspace
        Bins differ, a variation has one side only, or the model is invalid.
    MissingInput
        A sample or channel is named that is not there.
    FormatError
        Something is no histogram, or has axes that bins cannot have.
    """
    if measurements is not None and poi is not None:
        raise InvalidWorkspace("both a poi and measurements are given; the measurements name their own")
    read = {name: _read_channel(name, found) for name, found in channels.items()}
    further = modifiers or {}
    samples = {sample for channel in read.values() for sample in channel}
    for name in further:
        if name not in samples:
            raise MissingInput(f"modifiers are given for the sample {name!r}{did_you_mean(name, samples)}")
    for name in data or {}:
        if name not in read:
            raise MissingInput(f"data are given for the channel {name!r}{did_you_mean(name, read)}")
    built = [_channel(name, found, (data or {}).get(name), further, staterrors) for name, found in read.items()]
    if measurements is None:
        measurements = [Measurement(name="measurement", pois=() if poi is None else (poi,))]
    return Workspace(channels=tuple(built), measurements=tuple(measurements), conventions=PYHF)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bins:
    """A histogram taken apart: edges of each axis, contents and variances flattened with x running fastest."""

    edges: tuple[Numbers, ...]
    values: Numbers
    variances: Numbers | None


def _read_channel(channel: str, found: OfChannel) -> dict[str, dict[str, _Bins]]:
    """By sample and variation."""
    where = f"channel {channel!r}"
    if not isinstance(found, Mapping):
        return _unstacked(where, found)
    read = {}
    for sample, of_sample in found.items():
        inside = f"{where}, sample {sample!r}"
        by_name = of_sample if isinstance(of_sample, Mapping) else {NOMINAL: of_sample}
        read[sample] = {name: _bins(f"{inside}, histogram {name!r}", h) for name, h in by_name.items()}
    return read


def _channel(
    name: str,
    found: Mapping[str, Mapping[str, _Bins]],
    data: Histogram | None,
    modifiers: Mapping[str, Sequence[Modifier]],
    staterrors: bool,
) -> Channel:
    where = f"channel {name!r}"
    if not found:
        raise InvalidWorkspace(f"{where} has no samples")
    histograms = [
        (f"{where}, sample {sample!r}, histogram {variation!r}", bins)
        for sample, of_sample in found.items()
        for variation, bins in of_sample.items()
    ]
    observed = None if data is None else _bins(f"{where}, data", data)
    if observed is not None:
        histograms.append((f"{where}, data", observed))
    if not histograms:
        raise InvalidWorkspace(f"{where}, sample {next(iter(found))!r} has no histogram {NOMINAL!r}")
    first_label, first = histograms[0]
    for label, bins in histograms:
        if bins.edges != first.edges:
            raise InvalidWorkspace(f"{label} has other bins than {first_label}: {bins.edges} instead of {first.edges}")
    samples = []
    for sample, of_sample in found.items():
        own = _sample_modifiers(f"{where}, sample {sample!r}", of_sample, staterror_name(name) if staterrors else None)
        further = tuple(modifiers.get(sample, ()))
        samples.append(Sample(name=sample, nominal=of_sample[NOMINAL].values, modifiers=own + further))
    return Channel(
        name=name,
        samples=tuple(samples),
        observed=None if observed is None else observed.values,
        edges=first.edges,
    )


def _sample_modifiers(where: str, found: Mapping[str, _Bins], staterror: str | None) -> tuple[Modifier, ...]:
    if NOMINAL not in found:
        raise InvalidWorkspace(f"{where} has no histogram {NOMINAL!r}{did_you_mean(NOMINAL, found)}")
    modifiers: list[Modifier] = []
    variances = found[NOMINAL].variances
    if staterror is not None and variances is not None and any(variances):
        if min(variances) < 0.0:
            raise InvalidWorkspace(f"{where} has a negative variance: {min(variances)}")
        modifiers.append(StatError(name=staterror, data=tuple(np.sqrt(variances).tolist())))
    sides: dict[str, dict[str, Numbers]] = {}
    for variation, bins in found.items():
        if variation == NOMINAL:
            continue
        match = _SIDE.fullmatch(variation)
        if match is None:
            raise InvalidWorkspace(f"{where}: the name {variation!r} ends neither in 'up' nor in 'down'")
        if sides.setdefault(match["name"], {}).setdefault(match["side"].lower(), bins.values) is not bins.values:
            raise InvalidWorkspace(f"{where}: there are two histograms like {variation!r}")
    for name, of_name in sides.items():
        if len(of_name) != 2:
            there = next(iter(of_name))
            raise InvalidWorkspace(
                f"{where}: {name!r} has the side {there!r} only; for a one-sided variation, give the nominal histogram "
                "as the other side, or its mirror image"
            )
        modifiers.append(HistoSys(name=name, lo_data=of_name["down"], hi_data=of_name["up"]))
    return tuple(modifiers)


def _unstacked(where: str, h: Histogram) -> dict[str, dict[str, _Bins]]:
    """A histogram with categories, taken apart into samples and variations."""
    values, variances, axes = _parts(where, h)
    categories = {str(a.name): list(a) for a in axes if _is_category(a)}
    unknown = [name for name in categories if name not in (SAMPLES, VARIATIONS)]
    if unknown or SAMPLES not in categories:
        raise FormatError(
            f"{where}: the histogram has the axes of categories {', '.join(map(repr, categories)) or 'none'}; expected "
            f"{SAMPLES!r} and perhaps {VARIATIONS!r}, or one histogram for each sample"
        )
    places = [i for i, a in enumerate(axes) if _is_category(a)]
    order = sorted(places, key=lambda i: axes[i].name != SAMPLES)
    values = np.moveaxis(values, order, range(len(order)))
    variances = None if variances is None else np.moveaxis(variances, order, range(len(order)))
    edges = [a for a in axes if not _is_category(a)]
    found: dict[str, dict[str, _Bins]] = {}
    for i, sample in enumerate(categories[SAMPLES]):
        for k, variation in enumerate(categories.get(VARIATIONS, [NOMINAL])):
            place = (i, k) if VARIATIONS in categories else (i,)
            squares = None if variances is None else variances[place]
            bins = _flat(f"{where}, sample {sample!r}", values[place], squares, edges)
            found.setdefault(sample, {})[variation] = bins
        _drop_empty(found[sample])
    return found


def _drop_empty(found: dict[str, _Bins]) -> None:
    """Categories make room for every variation of every sample: those that stayed empty are not there."""
    names = {match["name"] for name in found if (match := _SIDE.fullmatch(name)) is not None}
    for name in names:
        both = [key for key in found if (match := _SIDE.fullmatch(key)) is not None and match["name"] == name]
        if not any(any(found[key].values) for key in both):
            for key in both:
                del found[key]


def _bins(where: str, h: Histogram) -> _Bins:
    values, variances, axes = _parts(where, h)
    return _flat(where, values, variances, axes)


def _parts(where: str, h: Histogram) -> tuple[NDArray[Any], NDArray[Any] | None, list[Any]]:
    try:
        values, variances, axes = h.values(), h.variances(), list(h.axes)
    except (AttributeError, TypeError):
        raise FormatError(
            f"{where}: found {type(h).__name__}, expected a histogram (with axes, values and variances)"
        ) from None
    array = np.asarray(values, dtype=np.float64)
    return array, None if variances is None else np.asarray(variances, dtype=np.float64), axes


def _is_category(axis: Any) -> bool:
    return all(isinstance(entry, str) for entry in axis) and len(axis) > 0


def _flat(where: str, values: NDArray[Any], variances: NDArray[Any] | None, axes: Sequence[Any]) -> _Bins:
    if not 1 <= len(axes) <= 3 or any(_is_category(a) for a in axes):
        kinds = "categories" if any(_is_category(a) for a in axes) else f"{len(axes)} axes"
        raise FormatError(f"{where}: the histogram has {kinds}; expected one, two or three axes with bins")
    return _Bins(
        edges=tuple(cast(Numbers, tuple(np.asarray(_edges(a), dtype=np.float64).tolist())) for a in axes),
        values=tuple(values.ravel(order="F").tolist()),
        variances=None if variances is None else tuple(variances.ravel(order="F").tolist()),
    )


def _edges(axis: Any) -> Any:
    """An attribute in hist and boost-histogram, a method in uproot; pairs in the protocol itself."""
    edges = getattr(axis, "edges", None)
    if edges is None:
        pairs = [axis[i] for i in range(len(axis))]
        return [pairs[0][0], *(high for _, high in pairs)]
    return edges() if callable(edges) else edges
