"""A Workspace to HistFactory XML documents and histograms, in memory.

What XML has no word for is refused by name; rewriting it beforehand is not the task of this module.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from typing import Any, assert_never

from lxml import etree

from hftranslate.errors import FormatError, InvalidWorkspace, Unsupported
from hftranslate.formats.histfactory_xml.options import HISTOGRAMS
from hftranslate.formats.histfactory_xml.parse import DTD_NAME, dtd_errors
from hftranslate.formats.histfactory_xml.render_measurement import Factors, number, render_measurement
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, UNIFORM_LUMI, Version, version_text
from hftranslate.formats.root_histograms import Histogram
from hftranslate.workspace import (
    Channel,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Number,
    Numbers,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.map import has, modifiers_of
from hftranslate.workspace.parameter_names import stem

_CHANNELS = "config"
_MOST_AXES = 3
_CONSTRAINTS = {"gaussian": "Gaussian", "poisson": "Poisson"}
_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
#: File systems take 255 bytes, with the ending and a number; a longer name ends in a digest of the whole instead.
_LONGEST_NAME, _DIGITS = 200, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlModel:
    """A written model in memory.

    Attributes
    ----------
    driver
        path of the driver document.
    documents
        XML by path, relative to the output folder; the driver comes first.
    histograms
        content of :data:`HISTOGRAMS` by name.
    root_version
        the version of ROOT whose meaning it has.
    """

    driver: str
    documents: Mapping[str, bytes]
    histograms: Mapping[str, Histogram]
    root_version: Version = MEASURED


def render(workspace: Workspace, prefix: str = "FitConfig", root_version: Version = MEASURED) -> XmlModel:
    """Write a model into documents and histograms.

    Parameters
    ----------
    workspace
        the model, with Lumi on every sample, or on none and a Function in its place; for ROOT before 6.24 on any.
    prefix
        name of the driver without ``.xml``.
    root_version
        the version of ROOT that is to read it.

    Returns
    -------
    XmlModel
        the documents as bytes by their paths, the histograms, and which document is the driver.

    Raises
    ------
    Unsupported
        XML has no word for a part of the model; the message names it.
    """
    if not prefix or _UNSAFE.sub("", prefix.replace("-", "").replace(".", "")) != re.sub(r"[-.]", "", prefix):
        raise Unsupported(f"prefix {prefix!r}: use letters, digits, '_', '-' and '.' only")
    _check_names(workspace)
    _check_staterrors(workspace)
    lumi_everywhere = _lumi_everywhere(workspace, root_version)
    factors = Factors(workspace, root_version)
    histograms: dict[str, Histogram] = {}
    names = _UniqueNames()
    files = _UniqueNames()
    documents = {f"{prefix}.xml": b""}
    root = etree.Element("Combination", OutputFilePrefix=_annotation(workspace, f"./results/{prefix}"))
    for function in workspace.functions:
        _child(root, "Function", Name=function.name, Expression=function.expression, Dependents=function.dependents)
    for channel in workspace.channels:
        path = f"{_CHANNELS}/{files.get(channel.name)}.xml"
        _child(root, "Input").text = f"./{path}"
        element = _ChannelWriter(channel, factors, names, histograms, root_version).element()
        documents[path] = _document(element, root_version)
    for measurement in workspace.measurements:
        root.append(render_measurement(workspace, measurement, factors, lumi_everywhere))
    if root_version != MEASURED:
        root.insert(0, etree.Comment(f" written for ROOT {version_text(root_version)}, with the meaning it has there "))
    documents[f"{prefix}.xml"] = _document(root, root_version)
    return XmlModel(driver=f"{prefix}.xml", documents=documents, histograms=histograms, root_version=root_version)


def _annotation(workspace: Workspace, default: str) -> str:
    return dict(workspace.annotations).get("OutputFilePrefix", default)


def _document(root: Any, version: Version) -> bytes:
    data: bytes = etree.tostring(
        root,
        doctype=f'<!DOCTYPE {root.tag} SYSTEM "{DTD_NAME}">',
        encoding="UTF-8",
        xml_declaration=True,
        pretty_print=True,
    )
    errors = dtd_errors(root, version)
    if errors:
        raise FormatError(f"the written <{root.tag}> breaks ROOT's DTD: {errors[0]}")
    return data


def _child(parent: Any, tag: str, **attributes: str) -> Any:
    return etree.SubElement(parent, tag, attributes)


class _UniqueNames:
    """Names that are safe in any file system and as ROOT keys, unique whatever the case of the letters."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def get(self, *parts: str) -> str:
        base = _UNSAFE.sub("_", "_".join(parts))
        if len(base) > _LONGEST_NAME:
            digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
            base = f"{base[: _LONGEST_NAME - _DIGITS - 1]}_{digest}"
        name, small, i = base, base.lower(), 1
        while small in self._used:
            i += 1
            name = f"{base}__{i}"
            small = name.lower()
        self._used.add(small)
        return name


class _ChannelWriter:
    def __init__(
        self,
        channel: Channel,
        factors: Factors,
        names: _UniqueNames,
        histograms: dict[str, Histogram],
        version: Version,
    ) -> None:
        edges = channel.edges or (range(channel.n_bins + 1),)
        if len(edges) > _MOST_AXES:
            raise Unsupported(f"channel {channel.name!r} has {len(edges)} axes; ROOT's histograms have at most three")
        self.channel = channel
        self.factors = factors
        self.names = names
        self.histograms = histograms
        self.version = version
        self.edges = tuple(tuple(map(float, axis)) for axis in edges)

    def _add(self, values: Numbers, *parts: str, errors: Numbers | None = None) -> str:
        name = self.names.get(self.channel.name, *parts)
        self.histograms[name] = Histogram(
            contents=tuple(map(float, values)),
            # As they come back from the squares that a histogram stores: the same but for extreme numbers.
            errors=None if errors is None else tuple(sqrt(e * e) for e in map(float, errors)),
            edges=self.edges,
        )
        return name

    def element(self) -> Any:
        root = etree.Element("Channel", Name=self.channel.name, InputFile=f"./{HISTOGRAMS}")
        if self.channel.observed is not None:
            _child(root, "Data", HistoName=self._add(self.channel.observed, "data"))
        config = next(modifiers_of([self.channel], StatError), None)
        if config is not None:
            _child(
                root,
                "StatErrorConfig",
                RelErrorThreshold=number(config.threshold),
                ConstraintType=_CONSTRAINTS[config.constraint],
            )
        for sample in self.channel.samples:
            self._sample(root, sample)
        return root

    def _sample(self, root: Any, sample: Sample) -> None:
        staterror = next((m for m in sample.modifiers if isinstance(m, StatError)), None)
        errors = None if staterror is None else staterror.data
        element = _child(
            root, "Sample", Name=sample.name, HistoName=self._add(sample.nominal, sample.name, errors=errors)
        )
        carries = has(sample, Lumi)
        if not carries if self.version < UNIFORM_LUMI else ("NormalizeByTheory", "False") in sample.annotations:
            element.set("NormalizeByTheory", "False")
        where = f"channel {self.channel.name!r}, sample {sample.name!r}"
        for modifier in sample.modifiers:
            self._modifier(element, modifier, sample.name, where)

    def _modifier(self, parent: Any, m: Modifier, sample: str, where: str) -> None:
        match m:
            case Lumi():
                pass  # every sample has it in ROOT, without a word
            case StatError():
                _child(parent, "StatError", Activate="True")
            case NormFactor():
                val, (low, high) = self.factors.first(m.name)
                for _ in range(m.power):
                    _child(parent, "NormFactor", Name=stem(m), Val=number(val), Low=number(low), High=number(high))
            case NormSys(name=name, lo=lo, hi=hi):
                _check_code(m, "code4", where)
                if min(lo, hi) < 0:
                    raise Unsupported(f"{where}: normsys {name!r} has a negative factor (lo={lo!r}, hi={hi!r})")
                _child(parent, "OverallSys", Name=stem(m), Low=number(lo), High=number(hi))
            case HistoSys(name=name):
                _check_code(m, "code4p", where)
                low_name = self._add(m.lo_data, sample, name, "down")
                high_name = self._add(m.hi_data, sample, name, "up")
                _child(parent, "HistoSys", Name=stem(m), HistoNameLow=low_name, HistoNameHigh=high_name)
            case ShapeSys(name=name):
                if not m.relative:
                    raise Unsupported(
                        f"{where}: shapesys {name!r} has absolute uncertainties; XML knows relative ones only"
                    )
                for u in m.uncertainties:
                    histogram = self._add(u.data, sample, name, "relative")
                    kind = _CONSTRAINTS[u.constraint]
                    _child(parent, "ShapeSys", Name=stem(m), HistoName=histogram, ConstraintType=kind)
            case ShapeFactor():
                _child(parent, "ShapeFactor", Name=stem(m), **self.factors.shape_attributes(m.name))
            case _:
                assert_never(m)


def _check_code(m: NormSys | HistoSys, code: str, where: str) -> None:
    if m.interpolation != code:
        raise Unsupported(f"{where}: {m.name!r} is interpolated with {m.interpolation}; XML can say {code} only")


def _check_names(workspace: Workspace) -> None:
    accepted: set[str] = set()

    def check(kind: str, name: str) -> None:
        bad = next((c for c in name if c in ",;\ufffe\uffff" or unicodedata.category(c) in ("Cc", "Cs")), None)
        if not name or bad is not None:
            raise Unsupported(f"{kind} {name!r}: ROOT accepts no empty name and none with {bad!r} in it")
        accepted.add(name)

    for channel in workspace.channels:
        check("channel", channel.name)
        if channel.name[0].isdigit():
            raise Unsupported(f"channel {channel.name!r}: ROOT accepts no channel name that begins with a digit")
        for sample in channel.samples:
            check(f"channel {channel.name!r}: sample", sample.name)
            for name in map(stem, sample.modifiers):
                if name not in accepted:
                    check(f"channel {channel.name!r}, sample {sample.name!r}: modifier", name)
    for measurement in workspace.measurements:
        check("measurement", measurement.name)


def _check_staterrors(workspace: Workspace) -> None:
    channel_of: dict[str, str] = {}
    for channel in workspace.channels:
        found = list(modifiers_of([channel], StatError))
        names = sorted({m.name for m in found})
        if len(names) > 1:
            raise Unsupported(
                f"channel {channel.name!r} has {len(names)} different staterrors ({', '.join(map(repr, names))}); "
                "XML knows one per channel"
            )
        settings: set[tuple[str, Number]] = {(m.constraint, m.threshold) for m in found}
        if len(settings) > 1:
            raise InvalidWorkspace(
                f"channel {channel.name!r}: the staterrors disagree in constraint or threshold: {sorted(settings)}"
            )
        for name in names:
            if channel_of.setdefault(name, channel.name) != channel.name:
                raise Unsupported(
                    f"staterror {name!r} is shared by the channels {channel_of[name]!r} and {channel.name!r}; "
                    "XML has one for each channel"
                )


def _lumi_everywhere(workspace: Workspace, version: Version) -> bool:
    """Whether samples carry Lumi, which must be all of them since ROOT 6.24; with none it is a constant one.

    A Function may take its place on some samples.
    """
    without = [(c.name, s.name) for c in workspace.channels for s in c.samples if not has(s, Lumi)]
    if len(without) == sum(len(c.samples) for c in workspace.channels):
        return False
    if without and version >= UNIFORM_LUMI:
        channel, sample = without[0]
        raise Unsupported(
            f"{len(without)} sample(s) do not carry the luminosity (the first is {sample!r} in channel {channel!r}); "
            "in ROOT all samples follow it"
        )
    return True
