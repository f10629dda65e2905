"""Everything that a model names and that is not there, in one message: users repair once, not once for each."""

from contextlib import suppress

from hftranslate.display import terminal
from hftranslate.errors import InputError, MissingInput
from hftranslate.formats.histfactory_xml.channels import read_channel
from hftranslate.formats.histfactory_xml.grammar import Node, Notes
from hftranslate.formats.histfactory_xml.sources import Source
from hftranslate.formats.root_histograms import Histogram

#: So many missing things are listed.
_SHOWN = 20
_ANY = Histogram(contents=(1.0,), edges=((0.0, 1.0),))


class _Existence:
    """Asks a source whether things are there. All histograms look alike, so that nothing else is found wrong."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.missing: dict[str, list[str]] = {}

    def channel(self, text: str, node: Node) -> Node:
        """The channel document that an Input element names."""
        return self._source.channel(text, node)

    def histogram(self, file: str, directory: str, name: str, node: Node) -> Histogram:
        """Some histogram; that it is not there is noted."""
        try:
            self._source.histogram(file, directory, name, node)
        except MissingInput as error:
            self.note(error, node)
        except InputError:
            pass  # it is there; what is wrong with it is said once all are
        return _ANY

    def note(self, error: MissingInput, node: Node) -> None:
        """One thing that is missing may be named by many elements."""
        what = str(error).removeprefix(f"{node.where}: ")
        self.missing.setdefault(what, []).append(node.where)


def all_missing(driver: Node, source: Source, notes: Notes, first: MissingInput) -> MissingInput:
    """The error for a model of which something is missing: it lists all, not only the first."""
    asked = _Existence(source)
    for node in driver.all("Input"):
        try:
            channel = source.channel(node.text, node)
        except MissingInput as error:
            asked.note(error, node)
            continue
        except InputError:
            continue
        with suppress(InputError):
            read_channel(channel, asked, Notes(notes.version))
    if len(asked.missing) < 2:
        return first
    lines = [_line(what, places, full=i == 0) for i, (what, places) in enumerate(asked.missing.items())]
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more"]
    title = f"{driver.file}: {len(asked.missing)} things that it names are missing:"
    return MissingInput.listing(map(terminal, [title, *lines]))


def _line(what: str, places: list[str], *, full: bool) -> str:
    more = f" (and {len(places) - 1} more elements)" if len(places) > 1 else ""
    if not full:  # where was looked, and what is there instead, is said of the first
        what = what.partition("; tried ")[0].partition("; there are ")[0]
    return f"  {places[0]}{more}: {what}"
