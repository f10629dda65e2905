"""Channels of a document as far as they stand alone: axes, yields, data, and which parameters each modifier has."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from hftranslate.errors import did_you_mean
from hftranslate.formats.hs3.settings import HISTFACTORY, Analysis
from hftranslate.formats.hs3.tree import Node
from hftranslate.workspace.model import Number, Numbers

MODEL = "model_"
_DISTRIBUTION = frozenset(
    ["name", "type", "axes", "samples", "staterror", "default_interpolation", "barlow_beeston_method"]
)
_SAMPLE = frozenset(["name", "data", "modifiers"])
_CONSTRAINT = ("constraint", "constraints", "constraint_name", "constraint_type")
_MODIFIER = frozenset(["name", "type", "parameter", "parameters", "data", "interpolation", *_CONSTRAINT])
_AXIS = frozenset(["name", "min", "max", "nbins", "edges", "bounds", "value"])
#: No channel has more bins than this.
MAX_BINS = 1_000_000
#: Of a modifier, by its type, the kind of its parameters.
KINDS = {
    "normfactor": "factor",
    "custom": "factor",
    "normsys": "alpha",
    "histosys": "alpha",
    "shapesys": "gamma",
    "shapefactor": "gamma",
    "staterror": "gamma",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A modifier on a sample: its node, its type, and the names that the document has for its parameters."""

    node: Node
    type: str
    parameters: tuple[str, ...]
    name: str

    @property
    def kind(self) -> str:
        """``"factor"``, ``"alpha"`` or ``"gamma"``."""
        return KINDS[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSample:
    """A sample with its yields and the errors that its staterror is made of, if it states them."""

    name: str
    nominal: Numbers
    errors: Numbers | None
    uses: tuple[Use, ...]
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class RawChannel:
    """A channel: ``shape`` has the bins of each axis, x first; ``labels`` are ROOT's indices of the bins."""

    name: str
    node: Node
    edges: tuple[Numbers, ...] | None
    shape: tuple[int, ...]
    samples: tuple[RawSample, ...]
    observed: Numbers | None

    def reordered(self, values: Sequence[Number]) -> Numbers:
        """Values with the last axis running fastest, as a document lists them, with the first one doing so."""
        return in_our_order(values, self.shape)


def in_our_order(values: Sequence[Number], shape: Sequence[int]) -> Numbers:
    """From the last axis running fastest to the first one."""
    if len(shape) == 1:
        return tuple(values)
    return tuple(values[i] for i in _places(shape))


def in_their_order(values: Sequence[Number], shape: Sequence[int]) -> Numbers:
    """From the first axis running fastest to the last one."""
    if len(shape) == 1:
        return tuple(values)
    back = sorted(range(len(values)), key=_places(shape).__getitem__)
    return tuple(values[i] for i in back)


def _places(shape: Sequence[int]) -> list[int]:
    """Where each bin, the first axis running fastest, lies in a list whose last axis does."""
    places = [0]
    for axis in reversed(range(len(shape))):
        stride = prod(shape[axis + 1 :])
        places = [i * stride + tail for tail in places for i in range(shape[axis])]
    return places


def labels(shape: Sequence[int]) -> list[str]:
    """ROOT's indices of the bins, in our order."""
    found = [""]
    for n in reversed(shape):
        found = [f"{i}_{tail}" if tail else str(i) for tail in found for i in range(n)]
    return found


def read_channels(document: Node, analysis: Analysis) -> tuple[RawChannel, ...]:
    """The channels of an analysis with its data.

    Raises
    ------
    Unsupported
        One of the distributions is not a HistFactory channel.
    """
    distributions, data = document.named("distributions"), document.named("data")
    for reference in analysis.likelihood.items("aux_data"):  # ROOT names one that it does not write
        if reference.text() in data:
            reference.unsupported("auxiliary data; the centres of constraints are read from the parameter points only")
    names, of_data = analysis.likelihood["distributions"], analysis.likelihood["data"]
    pairs = list(zip(names, of_data, strict=False))
    if len(names.texts()) != len(list(of_data)):
        analysis.likelihood.invalid(f"{len(names.texts())} distributions and {len(list(of_data))} data; one of each")
    found = []
    for name, datum in pairs:
        node = _looked_up(name, distributions, "distribution")
        kind = node["type"].text()
        if kind != HISTFACTORY:
            node.unsupported(f"{kind!r} is no HistFactory channel; expected {HISTFACTORY!r}")
        found.append(_channel(node, _looked_up(datum, data, "data set")))
    if not found:
        analysis.likelihood.invalid("it has no distributions")
    return tuple(found)


def _looked_up(reference: Node, known: dict[str, Node], what: str) -> Node:
    if not isinstance(reference.value, str):
        reference.unsupported(f"expected the name of a {what}; values in its place are not read")
    if reference.value not in known:
        reference.invalid(f"there is no {what} {reference.value!r}" + did_you_mean(reference.value, known))
    return known[reference.value]


def _channel(node: Node, data: Node) -> RawChannel:
    node.only(_DISTRIBUTION)
    name = node.name.removeprefix(MODEL) or node.name
    edges = tuple(axis_edges(axis) for axis in node.items("axes"))
    shape = tuple(len(e) - 1 for e in edges)
    if not edges:
        first = next(iter(node["samples"]), None)
        shape = (len(list(first["data"]["contents"])) if first is not None else 0,)
    if not 0 < prod(shape) <= MAX_BINS:
        node.invalid(f"it has {prod(shape)} bins; expected 1 to {MAX_BINS}")
    method = node.get("barlow_beeston_method")
    full = method is not None and method.text() == "full"
    samples = tuple(_sample(s, name, shape, full=full) for s in node["samples"])
    if not samples:
        node["samples"].invalid("a channel needs at least one sample")
    observed = _observed(data, edges, shape)
    return RawChannel(name=name, node=node, edges=edges or None, shape=shape, samples=samples, observed=observed)


def axis_edges(axis: Node) -> Numbers:
    """The edges of an axis, stated or regular."""
    axis.only(_AXIS)
    stated = axis.get("edges") or axis.get("bounds")
    if stated is not None:
        return stated.numbers()
    n, low, high = axis["nbins"].number(), float(axis["min"].number()), float(axis["max"].number())
    if not isinstance(n, int) or not 0 < n <= MAX_BINS:
        axis["nbins"].invalid(f"{n} bins; expected 1 to {MAX_BINS}")
    if not low < high:
        axis.invalid(f"min {low:g} and max {high:g} are no range")
    return (*tuple(low + (high - low) * i / n for i in range(n)), high)


def bin_values(node: Node, shape: Sequence[int], *, ordered: bool = True) -> Numbers:
    """One number for each bin, in our order."""
    values = node.numbers()
    if len(values) != prod(shape):
        node.invalid(f"{len(values)} numbers for {prod(shape)} bins")
    return in_our_order(values, shape) if ordered else values


def _sample(node: Node, channel: str, shape: tuple[int, ...], *, full: bool) -> RawSample:
    node.only(_SAMPLE)
    data = node["data"]
    data.only({"contents", "errors"})
    errors = data.get("errors")
    return RawSample(
        name=node.name,
        nominal=bin_values(data["contents"], shape),
        errors=bin_values(errors, shape) if errors is not None else None,
        uses=tuple(_use(m, channel, shape, full=full) for m in node.items("modifiers")),
        node=node,
    )


def _use(node: Node, channel: str, shape: tuple[int, ...], *, full: bool) -> Use:
    """A modifier; in pyhs3's ``full`` channels a staterror is what a shapesys is, with uncertainties in events."""
    node.only(_MODIFIER)
    kind = node["type"].text()
    if kind not in KINDS:
        node.unsupported(f"a modifier of the type {kind!r}, which HistFactory does not have{did_you_mean(kind, KINDS)}")
    single, several = node.get("parameter"), node.get("parameters")
    stated = single.text() if single is not None else None
    name = named.text() if (named := node.get("name")) is not None else stated
    if several is not None:
        parameters = several.texts()
        name = name or (parameters[0] if parameters else "")
    elif name is None:
        node.refuse("it has neither a name nor parameters")
    elif KINDS[kind] == "gamma":
        stem = f"stat_{channel}" if kind == "staterror" and stated is None else stated or name
        parameters = tuple(f"gamma_{stem}_bin_{label}" for label in labels(shape))
    elif stated is not None:
        parameters = (stated,)
    else:
        parameters = (f"alpha_{name}" if KINDS[kind] == "alpha" else name,)
    expected = prod(shape) if KINDS[kind] == "gamma" else 1
    if len(parameters) != expected or len(set(parameters)) != expected:
        node.invalid(f"a {kind} with {len(parameters)} parameters; expected {expected} different ones")
    type_ = "shapesys" if full and kind == "staterror" else kind
    return Use(node=node, type=type_, parameters=parameters, name=name or parameters[0])


def _observed(data: Node, edges: tuple[Numbers, ...], shape: tuple[int, ...]) -> Numbers:
    kind = data["type"].text()
    if kind == "binned":
        return bin_values(data["contents"], shape)
    if kind != "unbinned" or not edges:
        data.unsupported(f"data of the type {kind!r}; expected 'binned'")
    counts: list[Number] = [0.0] * prod(shape)
    entries = list(data["entries"])
    weights = data["weights"].numbers() if data.get("weights") is not None else (1.0,) * len(entries)
    if len(weights) != len(entries):
        data.invalid(f"{len(weights)} weights for {len(entries)} entries")
    for entry, weight in zip(entries, weights, strict=True):
        place, stride = 0, 1
        values = entry.numbers()
        if len(values) != len(edges):
            entry.invalid(f"{len(values)} coordinates for {len(edges)} axes")
        for x, axis in zip(values, edges, strict=True):
            i = bisect_right(axis, x) - 1
            if not 0 <= i < len(axis) - 1:
                entry.invalid(f"{x:g} lies outside [{axis[0]:g}, {axis[-1]:g})")
            place, stride = place + stride * i, stride * (len(axis) - 1)
        counts[place] += weight
    return tuple(counts)
