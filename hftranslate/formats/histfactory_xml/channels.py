"""A Channel document to a channel with its samples and modifiers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from hftranslate.errors import FormatError, InvalidWorkspace, MissingInput
from hftranslate.formats.histfactory_xml.factors import StatedFactors, norm_factor, shape_factor
from hftranslate.formats.histfactory_xml.grammar import (
    DEFAULTS,
    OLD_STATERROR_CONSTRAINT,
    Node,
    Notes,
    Place,
    boolean,
    constraint,
    number,
)
from hftranslate.formats.histfactory_xml.root_versions import POISSON_STATERROR
from hftranslate.formats.histfactory_xml.sources import Source
from hftranslate.formats.root_histograms import Histogram
from hftranslate.workspace import (
    Annotations,
    BinConstraint,
    BinUncertainty,
    Channel,
    HistoSys,
    Modifier,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.map import sample_with_modifiers
from hftranslate.workspace.parameter_names import staterror_name

#: Key of the annotation that holds a further set of data; its name follows.
FURTHER_DATA = "Data "
#: Edges of two histograms agree within this fraction of the axis's range.
_EDGE_TOLERANCE = 1e-9


def read_channel(node: Node, source: Source, notes: Notes) -> tuple[Channel, StatedFactors]:
    """Interpret a Channel document. The luminosity is left to the caller.

    Returns
    -------
    tuple
        the channel, and what its NormFactor and ShapeFactor elements say about parameters.
    """
    try:
        return _Reader(node, source, notes).channel()
    except InvalidWorkspace as error:
        if str(error).startswith(node.file):
            raise
        raise InvalidWorkspace(f"{node.file}: {error}") from None


class _Reader:
    """Reads one channel; holds what all of its elements need."""

    def __init__(self, node: Node, source: Source, notes: Notes) -> None:
        self.node = node
        self.name = node.get("Name")
        self.place: Place = (node.attributes.get("InputFile", ""), node.attributes.get("HistoPath", ""))
        self.source = source
        self.notes = notes
        self.stated: StatedFactors = {}
        self.first: tuple[str, Histogram] | None = None
        self.template: Histogram | None = None  # the nominal histogram of the first sample with a StatError
        self.staterror: tuple[BinConstraint, float] = self._staterror_config()

    def channel(self) -> tuple[Channel, StatedFactors]:
        samples = self.node.all("Sample")
        if not samples:
            raise InvalidWorkspace(f"{self.node.where} has no Sample")
        for name, n in Counter(s.get("Name") for s in samples).items():
            if n > 1:
                raise InvalidWorkspace(
                    f"{self.node.where} has {n} samples named {name!r}; ROOT silently drops all but the first. "
                    "Give them different names"
                )
        if self.name[:1].isdigit():
            self.notes.add("repair", self.node.where, "ROOT refuses a first channel whose name begins with a digit")
        if "," in self.name:
            self.notes.add("repair", self.node.where, "ROOT refuses a channel whose name has a comma in it")
        if "HistoName" in self.node.attributes:
            self.notes.add("repair", self.node.where, "HistoName of a channel is deprecated and ignored, as in ROOT")
        read = self._with_stored_errors([self._sample(sample) for sample in samples])
        assert self.first is not None
        channel = Channel(
            name=self.name,
            samples=read,
            observed=self._data(),
            edges=self.first[1].edges,
            annotations=self._further_data(),
        )
        return channel, self.stated

    def _staterror_config(self) -> tuple[BinConstraint, float]:
        configs = self.node.all("StatErrorConfig")
        new = self.notes.version >= POISSON_STATERROR
        default = DEFAULTS["StatErrorConfig", "ConstraintType"] if new else OLD_STATERROR_CONSTRAINT
        if len(configs) > 1:
            self.notes.add("repair", self.node.where, f"{len(configs)} StatErrorConfig; the last one holds, as in ROOT")
        config = configs[-1] if configs else None
        active = any(boolean(e, "Activate") for sample in self.node.all("Sample") for e in sample.all("StatError")[-1:])
        if active and (config is None or "ConstraintType" not in config.attributes):
            self.notes.add(
                "default", f"channel {self.name!r}", f"StatErrorConfig states no ConstraintType: {default}, as in ROOT"
            )
        if config is None:
            node, threshold = self.node, float(DEFAULTS["StatErrorConfig", "RelErrorThreshold"])
        else:
            node, threshold = config, number(config, "RelErrorThreshold", self.notes)
        if active and (config is None or "RelErrorThreshold" not in config.attributes):
            self.notes.add(
                "default", f"channel {self.name!r}", f"no RelErrorThreshold is stated: {threshold:g}, as in ROOT"
            )
        word = default if config is None else config.attributes.get("ConstraintType", default)
        return constraint(node, "ConstraintType", word), threshold

    def _data(self) -> tuple[float, ...] | None:
        elements = self.node.all("Data")
        if not elements:
            return None
        data = elements[0]
        given = {k: v for k, v in data.attributes.items() if k != "Name" and v}
        if not given:
            self.notes.add("repair", data.where, "Data names no histogram: read as a channel without observed data")
            return None
        return self._histogram(
            data, data.attributes.get("HistoName", ""), self._place(data, self.place), "Data"
        ).contents

    def _further_data(self) -> Annotations:
        """Further sets of data, which ROOT's parser takes by name but its DTD forbids, kept as notes."""
        found = []
        for data in self.node.all("Data")[1:]:
            name = data.attributes.get("Name", "")
            what = "another Data element, which ROOT refuses: kept as a note; the first one is the observed data"
            self.notes.add("carried", data.where, what)
            contents = self._histogram(
                data, data.attributes.get("HistoName", ""), self._place(data, self.place), "Data"
            )
            found.append((FURTHER_DATA + name, " ".join(map(repr, contents.contents))))
        return tuple(found)

    @staticmethod
    def _place(node: Node, inherited: Place) -> Place:
        file, path = inherited
        return node.attributes.get("InputFile", file), node.attributes.get("HistoPath", path)

    def _histogram(self, node: Node, name: str, place: Place, what: str) -> Histogram:
        file, path = place
        if not name:
            raise FormatError(f"{node.where}: no histogram is named for {what}")
        if not file:
            raise MissingInput(
                f"{node.where}: no InputFile is given for the histogram {name!r}, neither here nor above"
            )
        histogram = self.source.histogram(file, path, name, node)
        if self.first is None:
            self.first = (f"{what} ({name!r})", histogram)
        elif histogram.edges != self.first[1].edges:
            _check_bins(node, f"{what} ({name!r})", histogram, *self.first)
        return histogram

    def _sample(self, node: Node) -> Sample:
        name = node.get("Name")
        place = self._place(node, self.place)
        nominal = self._histogram(node, node.attributes.get("HistoName", ""), place, f"sample {name!r}")
        modifiers: list[Modifier] = []
        for element in self._effective(node):
            modifier = self._modifier(element, name, nominal, place)
            if modifier is not None:
                modifiers.append(modifier)
        annotations: Annotations = ()
        if not boolean(node, "NormalizeByTheory"):
            annotations = (("NormalizeByTheory", "False"),)
        return Sample(
            name=name,
            nominal=nominal.contents,
            modifiers=tuple(self._merge_duplicates(name, modifiers, nominal)),
            annotations=annotations,
        )

    def _effective(self, node: Node) -> list[Node]:
        """The modifiers of a sample without those that ROOT passes over: of StatError the last holds."""
        effective: dict[tuple[str, str | int], Node] = {}
        for i, element in enumerate(node.children):
            match element.tag:
                case "StatError":
                    key: tuple[str, str | int] = (element.tag, "")
                    if effective.pop(key, None) is not None:
                        self.notes.add("repair", node.where, "several StatError; the last one holds, as in ROOT")
                case "ShapeFactor":
                    key = (element.tag, element.get("Name"))
                    if key in effective:
                        what = f"ShapeFactor {key[1]!r} stands twice; the first one holds and acts once, as in ROOT"
                        self.notes.add("repair", node.where, what)
                        continue
                case _:
                    key = (element.tag, i)
            effective[key] = element
        return list(effective.values())

    def _modifier(self, node: Node, sample: str, nominal: Histogram, place: Place) -> Modifier | None:
        match node.tag:
            case "StatError":
                return self._staterror(node, nominal, place)
            case "NormFactor":
                return self._normfactor(node, sample)
            case "OverallSys":
                lo, hi = (number(node, side, self.notes) for side in ("Low", "High"))
                if min(lo, hi) < 0.0:
                    raise InvalidWorkspace(
                        f"{node.where}: Low={lo:g}, High={hi:g}; a negative factor has no value in ROOT (NaN)"
                    )
                return NormSys(name=node.get("Name"), lo=lo, hi=hi)
            case "HistoSys":
                low, high = (self._variation(node, side, place) for side in ("Low", "High"))
                return HistoSys(name=node.get("Name"), lo_data=low, hi_data=high)
            case "ShapeSys":
                name = node.get("Name")
                if "ConstraintType" not in node.attributes:
                    where = f"channel {self.name!r}, sample {sample!r}"
                    self.notes.add("default", where, f"ShapeSys {name!r} has no ConstraintType: Gaussian, as in ROOT")
                kind = constraint(node)
                relative = self._histogram(node, node.get("HistoName"), self._place(node, place), f"ShapeSys {name!r}")
                return ShapeSys(name=name, data=relative.contents, relative=True, constraint=kind)
            case "ShapeFactor":
                return self._shapefactor(node, sample, nominal, place)
        raise AssertionError(node.tag)  # the grammar lets nothing else through

    def _staterror(self, node: Node, nominal: Histogram, place: Place) -> StatError | None:
        if not boolean(node, "Activate"):
            return None
        kind, threshold = self.staterror
        errors: Sequence[float] = nominal.stored(nominal.bin_errors)
        histogram = node.attributes.get("HistoName")
        if histogram:  # empty attributes count as not given, in this element only
            own = (node.attributes.get("InputFile") or place[0], node.attributes.get("HistoPath") or place[1])
            relative = self._histogram(node, histogram, own, "StatError")
            errors = relative.stored([r * n for r, n in zip(relative.contents, nominal.contents, strict=True)])
        self.template = self.template or nominal
        return StatError(name=staterror_name(self.name), data=tuple(errors), constraint=kind, threshold=threshold)

    def _with_stored_errors(self, samples: Sequence[Sample]) -> tuple[Sample, ...]:
        """The samples with the errors that ROOT works with.

        It keeps the combined relative errors in a histogram of the class of the first nominal one: rounded to single
        precision, or cut off to integers, mostly zero.
        """
        errors = {s.name: m.data for s in samples for m in s.modifiers if isinstance(m, StatError)}
        if self.template is None or self.template.letter == "D":
            return tuple(samples)
        totals = [sum(s.nominal[i] for s in samples if s.name in errors) for i in range(len(self.template.contents))]
        combined = [hypot(*of_bin) for of_bin in zip(*errors.values(), strict=True)]
        relative = [e / t if t > 0.0 else 0.0 for e, t in zip(combined, totals, strict=True)]
        stored = self.template.stored(relative)
        factors = [kept / r if r > 0.0 else 1.0 for kept, r in zip(stored, relative, strict=True)]
        class_name = self.template.class_name
        if self.template.letter == "F":
            what = f"with nominal histograms of single precision ({class_name}) its relative errors are rounded to it"
            self.notes.add("convention", "StatError", f"{what}, as in ROOT")
        else:
            what = f"ROOT keeps relative errors in the class of the nominal histogram, {class_name}: they become "
            what += f"{[int(x) for x in stored]}; where that is zero, the bin factor is constant"
            self.notes.add("convention", f"channel {self.name!r}: StatError", what)

        def change(m: Modifier) -> Modifier:
            return replace(m, data=_products(m.data, factors)) if isinstance(m, StatError) else m

        return tuple(sample_with_modifiers(s, change) for s in samples)

    def _normfactor(self, node: Node, sample: str) -> NormFactor:
        name = node.get("Name")
        found = norm_factor(node, self.notes)
        first = self.stated.setdefault((self.name, sample, NormFactor, name), found)
        if replace(found, where=first.where) != first:
            self.notes.add(
                "repair", node.where, f"differs from {first.where} in Val, Low or High; as in ROOT, that holds"
            )
        return NormFactor(name=name)

    def _shapefactor(self, node: Node, sample: str, nominal: Histogram, place: Place) -> ShapeFactor:
        name = node.get("Name")

        def initial_shape() -> Histogram:
            return self._histogram(node, node.get("HistoName"), self._place(node, place), f"ShapeFactor {name!r}")

        found = shape_factor(node, self.notes, len(nominal.contents), initial_shape)
        if found is not None:
            self.stated[self.name, sample, ShapeFactor, name] = found
        return ShapeFactor(name=name)

    def _variation(self, node: Node, side: str, place: Place) -> tuple[float, ...]:
        own = (
            node.attributes.get(f"HistoFile{side}", node.attributes.get("InputFile", place[0])),
            node.attributes.get(f"HistoPath{side}", place[1]),
        )
        what = f"HistoSys {node.get('Name')!r}, {side.lower()} side"
        return self._histogram(node, node.get(f"HistoName{side}"), own, what).contents

    def _merge_duplicates(self, sample: str, modifiers: list[Modifier], nominal: Histogram) -> list[Modifier]:
        """Duplicates as ROOT counts them: it adds HistoSys, multiplies by bin factors once, and refuses OverallSys."""
        where = f"channel {self.name!r}, sample {sample!r}"
        merged: dict[tuple[type[Modifier], str], Modifier] = {}
        for modifier in modifiers:
            key = (type(modifier), modifier.name)
            earlier = merged.get(key)
            if earlier is None:
                merged[key] = modifier
            elif isinstance(earlier, NormFactor):
                merged[key] = replace(earlier, power=earlier.power + 1)
            elif isinstance(modifier, HistoSys) and isinstance(earlier, HistoSys):
                self.notes.add("rewrite", where, f"HistoSys {modifier.name!r} stands twice; the shifts were added")
                merged[key] = HistoSys(
                    name=modifier.name,
                    lo_data=_sum(earlier.lo_data, modifier.lo_data, nominal.contents),
                    hi_data=_sum(earlier.hi_data, modifier.hi_data, nominal.contents),
                )
            elif isinstance(modifier, ShapeSys) and isinstance(earlier, ShapeSys):
                self.notes.add("repair", where, f"ShapeSys {modifier.name!r} stands twice; ROOT multiplies by it once")
                uncertainty = BinUncertainty(data=modifier.data, constraint=modifier.constraint)
                merged[key] = replace(earlier, further=(*earlier.further, uncertainty))
            else:
                raise InvalidWorkspace(f"{self.node.file}: {where}: {modifier.name!r} stands twice; ROOT refuses that")
        return list(merged.values())


def _products(errors: Sequence[float], factors: Sequence[float]) -> tuple[float, ...]:
    return tuple(e * f for e, f in zip(errors, factors, strict=True))


def _sum(first: Sequence[float], second: Sequence[float], nominal: Sequence[float]) -> tuple[float, ...]:
    return tuple(a + b - n for a, b, n in zip(first, second, nominal, strict=True))


def _check_bins(node: Node, label: str, histogram: Histogram, first_label: str, first: Histogram) -> None:
    shape, expected = (tuple(len(axis) - 1 for axis in h.edges) for h in (histogram, first))
    if shape != expected:
        raise InvalidWorkspace(
            f"{node.where}: {label} has {_times(shape)} bins but {first_label} has {_times(expected)}; "
            "all histograms of a channel need the same bins (ROOT would re-bin them wrongly)"
        )
    for axis, other in zip(histogram.edges, first.edges, strict=True):
        tolerance = _EDGE_TOLERANCE * (other[-1] - other[0])
        for i, (a, b) in enumerate(zip(axis, other, strict=True)):
            if abs(a - b) > tolerance:
                raise InvalidWorkspace(
                    f"{node.where}: {label} has bin edge {i} at {a!r} but {first_label} has it at {b!r}; "
                    "all histograms of a channel need the same bins (ROOT would re-bin them wrongly)"
                )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
