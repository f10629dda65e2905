"""Where the documents and histograms of a model come from: files, found as ROOT finds them, or memory."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from hftranslate.errors import FormatError, MissingInput, UnsafeInput
from hftranslate.formats.histfactory_xml.grammar import Node, Notes
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.histfactory_xml.parse import parse
from hftranslate.formats.json_text import read_bytes
from hftranslate.formats.root_histograms import Histogram, HistogramFiles

#: ``file.root:/directory``, which TFile::Open does not know.
_WITH_DIRECTORY = re.compile(r"(?P<file>.+\.root):(?P<directory>.*)")
_TOO_MANY_CANDIDATES = 100


class Source(Protocol):
    """Delivers what the XML names."""

    def channel(self, text: str, node: Node) -> Node:
        """The channel document that an Input element names."""

    def histogram(self, file: str, directory: str, name: str, node: Node) -> Histogram:
        """The histogram that the element refers to."""


class FileSource:
    """Files on disk.

    Paths are tried relative to the base folder, as in ROOT, then to the driver's folder; where no base folder is given,
    the only folder above that fits is taken, and said.
    """

    def __init__(self, driver: Path, options: XmlOptions, notes: Notes, histograms: HistogramFiles) -> None:
        self._driver = driver
        self._driver_folder = Path() if str(driver) == "-" else driver.parent
        self._above: Path | None = None
        self._others: dict[Path, Path] = {}
        self._options = options
        self._notes = notes
        self._histograms = histograms
        self._found: dict[str, Path] = {}

    def channel(self, text: str, node: Node) -> Node:
        """The channel document that an Input element names."""
        if text != text.strip():
            self._notes.add("repair", node.where, f"blanks around {text.strip()!r}; ROOT would not find the file")
        path = self._find(text.strip(), node)
        return parse(read_bytes(path), str(path), "Channel", self._notes)

    def histogram(self, file: str, directory: str, name: str, node: Node) -> Histogram:
        """The histogram that the element refers to."""
        path, inner = self._split(file, node)
        directory = self._directory(file, directory, node)
        try:
            return self._histograms.get(path, f"{inner}/{directory}", name)
        except (MissingInput, FormatError) as error:
            raise type(error)(f"{node.where}: {error}{self._another(path)}") from error.__cause__

    def _another(self, path: Path) -> str:
        """What may have been meant where a file of that name lies in the driver's folder, too."""
        other = self._others.get(path)
        if other is None:
            return ""
        return f"; {other}, beside the XML, is another file: --basedir {self._driver_folder} reads that one"

    def _split(self, file: str, node: Node) -> tuple[Path, str]:
        match = _WITH_DIRECTORY.fullmatch(file)
        if match is None or file in self._found:
            return self._find(file, node), ""
        self._notes.add(
            "repair", file, "ROOT does not accept a directory after the file name; it was taken as the HistoPath"
        )
        return self._find(match["file"], node), match["directory"]

    def _directory(self, file: str, directory: str, node: Node) -> str:
        match = _WITH_DIRECTORY.fullmatch(directory)
        if match is None:
            return directory
        if os.path.normpath(match["file"]) != os.path.normpath(file):
            raise FormatError(f"{node.where}: HistoPath={directory!r} names another file than InputFile={file!r}")
        if match["file"] != file:
            self._notes.add(
                "repair", directory, f"ROOT accepts a file in HistoPath only as it stands in InputFile={file!r}"
            )
        return match["directory"]

    def _find(self, text: str, node: Node) -> Path:
        if text not in self._found:
            self._found[text] = self._locate(text, node)
        return self._found[text]

    def _locate(self, text: str, node: Node) -> Path:
        mounted = self._mount_path(text)
        base = self._options.basedir or Path()
        if Path(mounted).is_absolute():
            self._notes.add("repair", text, "absolute path" + (f", read as {mounted}" if mounted != text else ""))
        # An absolute path replaces the folder it is joined to.
        tried = list(dict.fromkeys([base / mounted, self._driver_folder / mounted]))
        existing = [path for path in tried if path.is_file()]
        if self._options.confine:
            allowed = [path for path in existing if self._inside(path)]
            if existing and not allowed:
                raise UnsafeInput(
                    f"{node.where}: {text!r} leads outside the folder of the XML file, which 'confine' forbids; "
                    "name the folder that may be read with --basedir"
                )
            existing = allowed
        if len(existing) > 1 and _differ(*existing[:2]):
            self._others[existing[0]] = existing[1]
            self._notes.add(
                "repair",
                text,
                f"found relative to the base folder and to the driver's folder, with different content; "
                f"{existing[0]} was read, as ROOT does",
            )
        if existing:
            return existing[0]
        return self._search(mounted, text, tried, node)

    def _mount_path(self, text: str) -> str:
        for old, new in self._options.mounts:
            if PurePosixPath(text).is_relative_to(old):
                return str(Path(new, PurePosixPath(text).relative_to(old)))
        return text

    def _inside(self, path: Path) -> bool:
        folders = [self._driver_folder, *self._options.search]
        if self._options.basedir is not None:
            folders.append(self._options.basedir)
        return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)

    def _search(self, mounted: str, text: str, tried: list[Path], node: Node) -> Path:
        from glob import escape

        name = Path(mounted).name
        hits = [hit for folder in self._options.search for hit in sorted(folder.rglob(escape(name))) if hit.is_file()]
        if self._options.confine:  # links may lead elsewhere
            hits = [hit for hit in hits if self._inside(hit)]
        hits = list({hit.resolve(): hit for hit in hits[:_TOO_MANY_CANDIDATES]}.values())
        if hits:
            if any(_differ(hits[0], other) for other in hits[1:]):
                raise MissingInput(
                    f"{node.where}: {text!r} was not found, and the search met several different files of that name: "
                    + ", ".join(map(str, hits[:5]))
                )
            self._notes.add("repair", text, f"not where the XML says; the search found {hits[0]}")
            return hits[0]
        if self._above is not None:
            tried.append(self._above / mounted)
        fitting = self._fitting(mounted)
        if len(fitting) == 1 and self._options.basedir is None and not self._options.confine:
            return self._from_above(fitting[0], mounted)
        raise MissingInput(
            f"{node.where}: the file {text!r} was not found; tried {' and '.join(map(str, tried))}"
            + self._hint(mounted, fitting)
        )

    def _fitting(self, mounted: str) -> list[Path]:
        """The folders above the driver's from where a path leads to a file; one that was chosen is kept to."""
        if Path(mounted).is_absolute():
            return []
        if self._above is not None:
            return [self._above] if (self._above / mounted).is_file() else []
        folders = [folder for folder in self._driver_folder.resolve().parents if (folder / mounted).is_file()]
        return folders if self._driver.is_absolute() else [Path(os.path.relpath(folder)) for folder in folders]

    def _from_above(self, folder: Path, mounted: str) -> Path:
        """The file in the only folder above that fits: programs like TRExFitter write paths from where they ran."""
        if self._above is None:
            self._above = folder
            self._notes.add(
                "repair",
                str(self._driver),
                f"relative paths start at {folder}, the only folder above the XML where they lead to a file; "
                f"--basedir {folder} says the same",
            )
        return folder / mounted

    def _hint(self, mounted: str, fitting: list[Path]) -> str:
        if Path(mounted).is_absolute():
            return (
                "; map the folder of another machine with --mount LOCAL:IN_XML, or look for the file with --search DIR"
            )
        if fitting:
            choice = " or ".join(map(str, fitting))
            return f"; relative paths seem to start elsewhere, try --basedir {choice}"
        return "; name the folder that relative paths start from with --basedir DIR, or look for it with --search DIR"


class MemorySource:
    """A written model that is still in memory."""

    def __init__(self, documents: Mapping[str, bytes], histograms: Mapping[str, Histogram], notes: Notes) -> None:
        self._documents = documents
        self._histograms = histograms
        self._notes = notes

    def channel(self, text: str, node: Node) -> Node:
        """The channel document that an Input element names."""
        path = os.path.normpath(text)
        return parse(self._documents[path], path, "Channel", self._notes)

    def histogram(self, file: str, directory: str, name: str, node: Node) -> Histogram:
        """The histogram that the element refers to."""
        return self._histograms[name]


def _differ(one: Path, other: Path) -> bool:
    """Whether two files have different contents."""
    from filecmp import cmp

    return not cmp(one, other, shallow=False)
