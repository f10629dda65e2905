"""HistFactory XML to a Workspace."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from hftranslate.errors import FormatError, InvalidWorkspace, MissingInput, Unsupported
from hftranslate.formats.histfactory_xml.attributes import AttributeFate, account
from hftranslate.formats.histfactory_xml.channels import read_channel
from hftranslate.formats.histfactory_xml.collisions import separate
from hftranslate.formats.histfactory_xml.factors import StatedFactors
from hftranslate.formats.histfactory_xml.function_elements import read_functions
from hftranslate.formats.histfactory_xml.grammar import Node, Notes, number
from hftranslate.formats.histfactory_xml.lumi import recognise, with_lumi, with_partial_lumi
from hftranslate.formats.histfactory_xml.measurements import Model, read_measurement, with_centres
from hftranslate.formats.histfactory_xml.missing import all_missing
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.histfactory_xml.parse import parse
from hftranslate.formats.histfactory_xml.root_versions import UNIFORM_LUMI
from hftranslate.formats.histfactory_xml.shared import with_shared_parameters
from hftranslate.formats.histfactory_xml.sources import FileSource, Source
from hftranslate.formats.json_text import read_bytes
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.root_histograms import HistogramFiles
from hftranslate.workspace import ROOT, Channel, Lumi, Measurement, Workspace
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.map import all_modifiers
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import parameter_sets

#: Called with what is being read, how many parts of it are read, and how many there are.
Listener: TypeAlias = Callable[[str, int, int], None]


def _nobody(step: str, done: int, total: int) -> None:
    """Listen to nothing."""


def read(
    path: str | Path,
    options: XmlOptions | None = None,
    *,
    data: bytes | None = None,
    progress: Listener = _nobody,
) -> tuple[Workspace, tuple[Outcome, ...]]:
    """Read a model from its driver file, the XML file with the root element ``Combination``.

    Parameters
    ----------
    path
        the driver, ``-`` for standard input.
    options
        where files are looked for, and which version of ROOT is followed.
    data
        the content of the driver, where it was read already.
    progress
        is told of each channel.

    Returns
    -------
    tuple
        the model under ROOT's conventions, and what did not pass unchanged.

    Raises
    ------
    InputError
        Something is missing, malformed, unsafe or no valid model; the message says what and where.
    """
    options = options or XmlOptions()
    notes = Notes(options.version)
    return _read(path, options, data, notes, progress), notes.outcomes()


def read_accounted(
    path: str | Path,
    options: XmlOptions | None = None,
    *,
    data: bytes | None = None,
    progress: Listener = _nobody,
) -> tuple[Workspace, tuple[Outcome, ...], tuple[AttributeFate, ...]]:
    """As :func:`read`, and what became of every attribute.

    Parameters
    ----------
    path
        the driver; ``-`` is standard input.
    options
        whose meaning the XML has, and where files are; ROOT 6.40 by default.
    data
        the content of the driver, where it was read already.
    progress
        is told of each channel.

    Returns
    -------
    Workspace, tuple of Outcome, tuple of AttributeFate
        the model, what did not pass unchanged, and each attribute's fate.

    Raises
    ------
    InputError
        A file is missing or malformed, or describes no valid model; the message says which and where.
    """
    options = options or XmlOptions()
    documents: list[Node] = []
    notes = Notes(options.version, documents)
    workspace = _read(path, options, data, notes, progress)
    return workspace, notes.outcomes(), account(documents, notes.version)


def _read(path: str | Path, options: XmlOptions, data: bytes | None, notes: Notes, progress: Listener) -> Workspace:
    driver = Path(path)
    name = "standard input" if str(path) == "-" else str(path)
    document = parse(read_bytes(path) if data is None else data, name, "Combination", notes)
    with HistogramFiles(trusted=not options.confine) as histograms:
        source = FileSource(driver, options, notes, histograms)
        try:
            return interpret(document, source, notes, options, progress)
        except MissingInput as error:
            raise all_missing(document, source, notes, error) from None


def interpret(
    driver: Node, source: Source, notes: Notes, options: XmlOptions, progress: Listener = _nobody
) -> Workspace:
    """The model that a driver document describes; all it names comes from the source.

    Parameters
    ----------
    driver
        the root element of the driver document.
    source
        opens the channels' documents and the histograms that it names.
    notes
        collects what did not pass unchanged.
    options
        whose meaning the XML has, and where files are.
    progress
        is told of each channel.

    Returns
    -------
    Workspace
        the model as ROOT understands it.

    Raises
    ------
    FormatError
        An element or attribute is not what ROOT's parser takes.
    InvalidWorkspace
        The elements describe no model: numbers of bins differ, names collide.
    MissingInput
        A file or histogram that is named is not there.
    """
    measurements = driver.all("Measurement")
    if not measurements:
        raise FormatError(f"{driver.where} has no Measurement")
    if not driver.all("Input"):
        raise FormatError(f"{driver.where} has no Input")
    functions, dropped = read_functions(driver, notes)
    channels, stated = _channels(driver, source, notes, progress)
    channels, functions = with_shared_parameters(channels, functions, stated, measurements, notes)
    partial = recognise(channels, functions, measurements, notes)
    if partial is not None:
        channels = [with_partial_lumi(channel, partial) for channel in channels]
        functions = tuple(f for f in functions if f.name != partial.function)
        notes.add(
            "rewrite",
            f"function {partial.function!r}",
            "the luminosity of some samples, said with a Function: read as lumi modifiers on these samples",
        )
    elif "Lumi" in settle_functions(functions).definitions or not _lumi_is_nothing(channels, measurements, notes):
        constant = _constant_lumi(channels, measurements, notes, options)
        channels = [with_lumi(channel, constant) for channel in channels]
    separated, functions = separate(channels, functions, notes)
    settled = tuple(separated)  # what it declares is found once
    model = Model(
        declared=_declared_parameters(driver, settled),
        stated=stated,
        functions=functions,
        partial_lumi=partial,
        by_theory=[
            any(("NormalizeByTheory", "False") in s.annotations for s in c.samples)
            for c in sorted(settled, key=lambda c: c.name)
        ],
    )
    annotations = [("OutputFilePrefix", driver.get("OutputFilePrefix"))]
    annotations += [("Mode", driver.attributes["Mode"])] if "Mode" in driver.attributes else []
    found = [read_measurement(node, model, notes) for node in measurements]
    try:
        workspace = Workspace(
            channels=settled,
            measurements=tuple(measurement for measurement, _ in found),
            functions=functions,
            conventions=ROOT,
            annotations=(*((word, value) for word, value in annotations if value), *dropped),
        )
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"{driver.file}: {error}") from None
    if any(centres for _, centres in found):
        moved = [with_centres(workspace, i, found[i][1], node) for i, node in enumerate(measurements)]
        workspace = replace(workspace, measurements=tuple(moved))
    for node, measurement in zip(measurements, workspace.measurements, strict=True):
        _check_values(node, workspace, measurement)
    return workspace


def _channels(driver: Node, source: Source, notes: Notes, progress: Listener) -> tuple[list[Channel], StatedFactors]:
    channels: list[Channel] = []
    stated: StatedFactors = {}
    inputs = driver.all("Input")
    for i, node in enumerate(inputs):
        progress("reading channels", i, len(inputs))
        if not node.text.strip():
            raise FormatError(f"{node.where} has no text; expected the path of a channel file")
        channel, own = read_channel(source.channel(node.text, node), source, notes)
        if channel.name in {c.name for c in channels}:
            raise InvalidWorkspace(f"{node.where}: {node.text.strip()!r} is the second channel named {channel.name!r}")
        channels.append(channel)
        stated.update(own)
    without = [c.name for c in channels if c.observed is None]
    if 0 < len(without) < len(channels):
        what = f"channels {', '.join(map(repr, without))} have no data but others have; ROOT 6.40 refuses that"
        notes.add("repair", driver.where, what)
    return channels, stated


def _declared_parameters(driver: Node, channels: Sequence[Channel]) -> dict[str, DeclaredParameter]:
    try:
        return declared_parameters(channels)
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"{driver.file}: {error}") from None


def _constant_lumi(
    channels: Sequence[Channel], measurements: Sequence[Node], notes: Notes, options: XmlOptions
) -> float | None:
    """The constant that multiplies samples with NormalizeByTheory=False; ``None``: they follow Lumi like all."""
    marked = [s for c in channels for s in c.samples if ("NormalizeByTheory", "False") in s.annotations]
    if not marked:
        return None
    values = {number(node, "Lumi", notes) for node in measurements}
    if options.normalize_by_theory == "root" and notes.version >= UNIFORM_LUMI:
        matters = values != {1.0} or any(not _lumi_is_constant(node, notes) for node in measurements)
        notes.add(
            "convention",
            "NormalizeByTheory",
            f"{len(marked)} sample(s) say NormalizeByTheory=False, which has no effect in ROOT since 6.24: they follow "
            "the luminosity parameter like all others. "
            + (
                "ROOT before kept them fixed to its nominal value (--root-version 6.22, or --normalize-by-theory "
                "intended)"
                if matters
                else "It does not matter here, because the luminosity is a constant 1"
            ),
        )
        return None
    if len(values) > 1:
        raise Unsupported(
            f"{measurements[0].file}: {len(marked)} sample(s) say NormalizeByTheory=False, but the measurements have "
            f"different Lumi ({', '.join(f'{v:g}' for v in sorted(values))}); the intended meaning would need "
            "different histograms for each"
        )
    return values.pop()


def _lumi_is_nothing(channels: Sequence[Channel], measurements: Sequence[Node], notes: Notes) -> bool:
    """Whether a constant luminosity of one may be left out, because something else is called ``lumi``."""
    if not any(m.name == Lumi().name for m in all_modifiers(channels)):
        return False
    return all(
        number(node, "Lumi", notes) == 1.0
        and number(node, "LumiRelErr", notes) == 0.0
        and not any("Lumi" in element.text.replace("\\", " ").split() for element in node.children)
        for node in measurements
    )


def _lumi_is_constant(node: Node, notes: Notes) -> bool:
    if number(node, "LumiRelErr", notes) == 0.0:
        return True
    constant = (s for s in node.all("ParamSetting") if s.attributes.get("Const") == "True")
    return any("Lumi" in s.text.replace("\\", " ").split() for s in constant)


def _check_values(node: Node, workspace: Workspace, measurement: Measurement) -> None:
    """ROOT refuses initial values outside the range of their parameter."""
    try:
        sets = parameter_sets(workspace, measurement, ROOT)
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"{node.where}: {error}") from None
    for parameters in sets.values():
        for name, init, (low, high) in zip(parameters.root_names, parameters.inits, parameters.bounds, strict=True):
            if not low <= init <= high:
                raise InvalidWorkspace(
                    f"{node.where}: ParamSetting {name!r} Val={init:g} lies outside the range [{low:g}, {high:g}]; "
                    "ROOT refuses that"
                )
