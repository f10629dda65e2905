"""A ROOT file with a Measurement or a RooWorkspace to a Workspace, without ROOT."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hftranslate.errors import FormatError, InputError, MissingInput, Unsupported, did_you_mean
from hftranslate.formats.histfactory_xml import XmlOptions, interpret
from hftranslate.formats.histfactory_xml.grammar import Node, Notes
from hftranslate.formats.histfactory_xml.root_versions import version_text
from hftranslate.formats.histfactory_xml.sources import FileSource
from hftranslate.formats.json_text import read_bytes, source_name
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.root_histograms import Histogram, HistogramFiles
from hftranslate.formats.root_histograms.container import Damaged, Key, RootFile
from hftranslate.formats.root_workspace.graph import Graph
from hftranslate.formats.root_workspace.layouts import Layouts
from hftranslate.formats.root_workspace.measurement import MEASUREMENT, Elements, Inside, elements_of
from hftranslate.formats.root_workspace.roofit import RooFit
from hftranslate.formats.root_workspace.space import names_of, snapshot_of, workspace_of
from hftranslate.formats.root_workspace.streamed import NoLayout, Reader, read_layouts
from hftranslate.formats.which import which_format
from hftranslate.workspace import Workspace

#: Class of what ROOT makes of a measurement.
WORKSPACE = "RooWorkspace"
#: Name of the RooWorkspace of all channels; that of one channel has the name of the channel.
_COMBINED = "combined"


def read(
    path: str | Path, options: XmlOptions | None = None, *, data: bytes | None = None
) -> tuple[Workspace, tuple[Outcome, ...]]:
    """Read the model of a file: from the Measurement objects in it, or else, or if so wanted, from the RooWorkspace.

    The meaning is that of the version of ROOT that wrote the file.

    Parameters
    ----------
    path
        the file, ``-`` for standard input.
    options
        which part of it is read, and where histograms are looked for that it does not hold.
    data
        its content, where it was read already.

    Returns
    -------
    tuple
        the model under ROOT's conventions, and what did not pass unchanged.

    Raises
    ------
    InputError
        The file is damaged, holds neither, or describes no valid model; the message says what and where.
    """
    options, source = options or XmlOptions(), source_name(path)
    with readable(source):
        file = RootFile(read_bytes(path) if data is None else data)
        keys = file.top
        if options.graph or all(key.class_name != MEASUREMENT for key in keys.values()):
            return _of_graph(file, source, options)
        objects = _measurements(file, keys, source, options.measurement)
    version = _version(file.version)
    notes = Notes(version)
    with _said_of(source):
        found = [elements_of(each, source, notes) for each in objects]
    channels = _channels(found, source, options.workspace)
    driver = _driver(found, channels, source)
    xml = replace(options, root_version=version_text(version))
    with HistogramFiles(trusted=not xml.confine) as histograms:
        elsewhere = FileSource(Path(path), xml, notes, histograms)
        workspace = interpret(driver, _Source(found[0], elsewhere), notes, xml)
    if options.data is not None:
        workspace = _with_data(workspace, _of_graph(file, source, replace(options, measurement=None))[0])
    return workspace, notes.outcomes()


def snapshot(path: str | Path, name: str, workspace: str | None = None) -> dict[str, float]:
    """The values of a snapshot in a file, by the names that the variables have in the model.

    Parameters
    ----------
    path
        the file.
    name
        of the snapshot.
    workspace
        the RooWorkspace that has it, where there are several.

    Returns
    -------
    dict
        a value for each variable in it.

    Raises
    ------
    InputError
        The file is none of ROOT, or has no such snapshot.
    """
    source = source_name(path)
    data = read_bytes(path)
    if which_format(data, source) != "root":
        raise MissingInput(f"{source} has no snapshots: it is not a ROOT file with a RooWorkspace")
    with readable(source), _said_of(source):
        file = RootFile(data)
        graph = _graph(file, source, workspace)
        values = snapshot_of(RooFit(graph, source), name)
        try:
            called = names_of(graph, source)
        except InputError:  # a model that cannot be read, or one of several
            called = {}
    return {called.get(variable, variable): value for variable, value in values.items()}


def carries_code(path: str | Path, *, data: bytes | None = None) -> bool:
    """Whether a RooWorkspace in a file has the code of classes with it, which ROOT compiles when it reads it.

    Parameters
    ----------
    path
        the file.
    data
        its content, where it was read already.

    Returns
    -------
    bool
        whether there is such code in any of its RooWorkspaces.

    Raises
    ------
    InputError
        The file is damaged.
    """
    source = source_name(path)
    with readable(source), _said_of(source):
        file = RootFile(read_bytes(path) if data is None else data)
        layouts = layouts_in(file)
        spaces = [key for key in file.top.values() if key.class_name == WORKSPACE]
        return any(Graph(file, key, layouts).n_classes > 0 for key in spaces)


def _of_graph(file: RootFile, source: str, options: XmlOptions) -> tuple[Workspace, tuple[Outcome, ...]]:
    """The model of a RooWorkspace."""
    notes = Notes(_version(file.version))
    with readable(source), _said_of(source):
        graph = _graph(file, source, options.workspace)
        workspace = workspace_of(graph, source, options.measurement, options.data, notes)
    return workspace, notes.outcomes()


def _graph(file: RootFile, source: str, wanted: str | None) -> Graph:
    """The RooWorkspace of a name, the combined one, or the only one."""
    spaces = {key.name: key for key in file.top.values() if key.class_name == WORKSPACE}
    if not spaces:
        raise Unsupported(_nothing_here(file.top, source))
    if wanted is None and len(spaces) > 1 and _COMBINED not in spaces:
        raise Unsupported(
            f"{source} holds the RooWorkspaces {', '.join(map(repr, spaces))}; choose one with --workspace"
        )
    name = wanted if wanted is not None else _COMBINED if _COMBINED in spaces else next(iter(spaces))
    if name not in spaces:
        raise MissingInput(f"{source} has no workspace {name!r}" + did_you_mean(name, spaces))
    return Graph(file, spaces[name], layouts_in(file))


def _with_data(workspace: Workspace, other: Workspace) -> Workspace:
    """With the observed events of another Workspace of the same channels."""
    observed = {channel.name: channel.observed for channel in other.channels}
    return replace(
        workspace, channels=tuple(replace(c, observed=observed.get(c.name, c.observed)) for c in workspace.channels)
    )


class _Source:
    """Channels from the object; histograms from the object, or else from the files that it names."""

    def __init__(self, elements: Elements, elsewhere: FileSource) -> None:
        self._channels: Mapping[str, Node] = elements.channels
        self._inside: Inside = elements.inside
        self._elsewhere = elsewhere

    def channel(self, text: str, node: Node) -> Node:
        """The channel of that name."""
        return self._channels[text]

    def histogram(self, file: str, directory: str, name: str, node: Node) -> Histogram:
        """The histogram that the element refers to."""
        found = self._inside.get((directory, name))
        return self._elsewhere.histogram(file, directory, name, node) if found is None else found


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Whatever goes wrong inside a damaged file becomes one sentence."""
    try:
        yield
    except NoLayout as error:
        raise Unsupported(
            f"{source}: {error}, and that class is not known here (those of ROOT 6.10 to 6.40 are); "
            "give the XML that the file was made from"
        ) from None
    except Damaged as error:
        raise FormatError(f"{source}: not a ROOT file, or damaged ({error})") from None


@contextmanager
def _said_of(source: str) -> Iterator[None]:
    """Errors about objects say of which file."""
    try:
        yield
    except (FormatError, Unsupported) as error:
        if str(error).startswith(source):
            raise
        raise type(error)(f"{source}: {error}") from None


def _version(number: int) -> tuple[int, int]:
    """62406 is 6.24/06."""
    return number // 10000, number // 100 % 100


def _measurements(file: RootFile, keys: Mapping[str, Key], source: str, wanted: str | None) -> list[dict[str, object]]:
    """The Measurement objects of a file, all or the one of a name."""
    here = {key.name: key for key in keys.values() if key.class_name == MEASUREMENT}
    if wanted is not None and wanted not in here:
        raise MissingInput(f"{source} has no measurement {wanted!r}" + did_you_mean(wanted, here))
    layouts = layouts_in(file)
    chosen = [key for key in here.values() if wanted in (None, key.name)]
    return [Reader(file.payload(key), key.key_bytes, layouts).object(key.class_name) for key in chosen]


def layouts_in(file: RootFile) -> Layouts:
    """The layouts of the classes that are in a file."""
    described = file.layouts
    if described is None:
        raise Damaged("it does not describe the classes of its objects")
    return read_layouts(file.payload(described), described.key_bytes)


def _nothing_here(keys: Mapping[str, Key], source: str) -> str:
    way = (
        "give the file that hist2workspace wrote (results/*_combined_*_model.root), or the XML file that names this one"
    )
    classes = sorted({key.class_name for key in keys.values()})
    holds = f"{', '.join(classes[:4])}{', ...' if len(classes) > 4 else ''}" if classes else "nothing"
    return f"{source} is a ROOT file without a Measurement of HistFactory or a RooWorkspace (it holds {holds}); {way}"


def _channels(found: list[Elements], source: str, workspace: str | None) -> Mapping[str, Node]:
    """The channels of the model: all, or the one that a RooWorkspace has the name of."""
    first = found[0]
    for other in found[1:]:
        if (other.channels, other.functions, other.inside) != (first.channels, first.functions, first.inside):
            raise Unsupported(
                f"{source}: the measurements {first.name!r} and {other.name!r} are of different models; "
                "choose one with --measurement (hftranslate root2json has it, too)"
            )
    if not first.channels:
        raise FormatError(f"{source}: the measurement {first.name!r} has no channels")
    if workspace in (None, _COMBINED):
        return first.channels
    if workspace in first.channels:
        return {workspace: first.channels[workspace]}
    raise MissingInput(
        f"{source} has no workspace {workspace!r}" + did_you_mean(workspace, [_COMBINED, *first.channels])
    )


def _driver(found: list[Elements], channels: Mapping[str, Node], source: str) -> Node:
    """The document that would name all of it."""
    inputs = [Node(tag="Input", attributes={}, children=(), text=name, file=source, line=0) for name in channels]
    children = [*found[0].functions, *inputs, *(each.measurement for each in found)]
    attributes = {"OutputFilePrefix": found[0].prefix}
    return Node(tag="Combination", attributes=attributes, children=tuple(children), text="", file=source, line=0)
