"""Histograms by file, directory and name."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hftranslate.errors import FormatError, MissingInput, UnsafeInput, did_you_mean
from hftranslate.formats.root_histograms.container import Damaged, Key, RootFile
from hftranslate.formats.root_histograms.histogram import Histogram, uniform_edges
from hftranslate.formats.root_histograms.objects import (
    HISTOGRAM_CLASSES,
    BadObject,
    UnknownLayout,
    from_bytes,
    make_histogram,
    number_of_functions,
)

_FOLDERS = ("TDirectory", "TDirectoryFile")
#: Numbers (contents and errors) that one model may take from ROOT files; they need 40 bytes each.
MAX_NUMBERS = 20_000_000
#: Files that are open at once: systems allow 64 to thousands.
MOST_OPEN = 16


class HistogramFiles:
    """ROOT files for reading, the last :data:`MOST_OPEN` of which stay open until closed. A context manager.

    Histograms whose layout is not known here are left to uproot, which reads them as the file itself describes them,
    but only from files that are ``trusted``. With ``plain``, histograms with functions are refused: ROOT compiles a
    function when it reads the histogram that it hangs on.
    """

    def __init__(self, *, trusted: bool = True, plain: bool = False) -> None:
        self._trusted = trusted and not plain
        self._plain = plain
        self._numbers = 0
        self._files: dict[Path, RootFile] = {}
        self._folders: dict[tuple[Path, str], tuple[tuple[str, ...], dict[str, Key]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._folders.clear()

    def get(self, file: Path, directory: str, name: str) -> Histogram:
        """The histogram of that bare name (highest cycle) in that directory.

        Parameters
        ----------
        file
            a ROOT file.
        directory
            ``""`` or ``"/"`` for the top, else ``"a/b"``, with or without slashes around it.
        name
            bare name, without a path or a cycle.

        Raises
        ------
        MissingInput
            There is no such file, directory or histogram; the message names the nearest.
        FormatError
            The file cannot be read, the object is not a histogram, or it has bins that are not finite.
        UnsafeInput
            All histograms together are larger than :data:`MAX_NUMBERS`.
        """
        if (file, directory) not in self._folders:
            parts = tuple(part for part in directory.split("/") if part)
            self._folders[file, directory] = (parts, self._folder(file, parts))
        parts, keys = self._folders[file, directory]
        key = keys.get(name)
        if key is None or key.class_name not in HISTOGRAM_CLASSES:
            raise _no_histogram(file, parts, name, keys)
        with _readable(file):
            histogram = self._histogram(file, parts, key)
        if not (all(map(isfinite, histogram.contents)) and all(map(isfinite, histogram.errors or ()))):
            raise FormatError(f"{_inside(file, parts)}: histogram {name!r}: {_not_finite(histogram)}")
        self._numbers += len(histogram.contents) + len(histogram.errors or ())
        if self._numbers > MAX_NUMBERS:
            raise UnsafeInput(f"{file}: the histograms of the model have more than {MAX_NUMBERS} numbers in all")
        return histogram

    def _folder(self, file: Path, parts: tuple[str, ...]) -> dict[str, Key]:
        """The keys of a directory, found step by step."""
        root_file = self._open(file)
        with _readable(file):
            keys = root_file.top
        for i, part in enumerate(parts):
            key = keys.get(part)
            if key is None or key.class_name not in _FOLDERS:
                folders = [k.name for k in keys.values() if k.class_name in _FOLDERS]
                raise MissingInput(
                    f"{file}: there is no directory '/{'/'.join(parts[: i + 1])}'" + did_you_mean(part, folders)
                )
            with _readable(file):
                keys = root_file.folder(key)
        return keys

    def _open(self, file: Path) -> RootFile:
        found = self._files.pop(file, None)
        if found is None:
            if not file.is_file():
                raise MissingInput(f"{file}: there is no such file")
            if len(self._files) >= MOST_OPEN:  # the one that was used longest ago
                self._files.pop(next(iter(self._files))).close()
            with _readable(file):
                found = RootFile(file)
        self._files[file] = found
        return found

    def _histogram(self, file: Path, parts: tuple[str, ...], key: Key) -> Histogram:
        data = self._open(file).payload(key)
        try:
            if self._plain and number_of_functions(data, key.class_name):
                raise UnsafeInput(
                    f"{_inside(file, parts)}: functions hang on histogram {key.name!r}, which ROOT would compile; take "
                    "them off"
                )
            return from_bytes(data, key.class_name)
        except BadObject as error:
            raise Damaged(f"the record of {key.name!r}: {error}") from None
        except UnknownLayout as error:
            if not self._trusted:
                raise Damaged(f"the record of {key.name!r}: {error}") from None
            return _read_by_uproot(file, parts, key)


def _no_histogram(file: Path, parts: tuple[str, ...], name: str, keys: dict[str, Key]) -> MissingInput | FormatError:
    inside = _inside(file, parts)
    if name in keys:
        kind = keys[name].class_name
        return FormatError(f"{inside}: {name!r} is a {kind}, not a histogram (TH1, TH2 or TH3)")
    if "/" in name:
        where, _, bare = name.strip("/").rpartition("/")
        return MissingInput(
            f"{inside} has no histogram {name!r}: a histogram name must not contain a path; "
            f"ROOT wants HistoPath={'/'.join((*parts, where))!r} and HistoName={bare!r}"
        )
    valid = [k.name for k in keys.values() if k.class_name in HISTOGRAM_CLASSES]
    return MissingInput(f"{inside} has no histogram {name!r}" + did_you_mean(name, valid))


def _inside(file: Path, parts: tuple[str, ...]) -> str:
    return f"{file}: directory '/{'/'.join(parts)}'"


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Whatever goes wrong inside a damaged file becomes one sentence."""
    try:
        yield
    except Damaged as error:
        raise FormatError(f"{file}: not a ROOT file, or damaged ({error})") from None
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror or error}") from None


def _not_finite(histogram: Histogram) -> str:
    for values, label in ((histogram.contents, "content"), (histogram.bin_errors, "error")):
        for i, value in enumerate(values):
            if not isfinite(value):
                return f"bin {i} has the {label} {value}; it must be finite"
    raise AssertionError("all numbers are finite")


def _read_by_uproot(file: Path, parts: tuple[str, ...], key: Key) -> Histogram:
    """A histogram whose layout only uproot knows."""
    import uproot
    from uproot.source.file import MemmapSource

    try:
        # A memory map needs no threads and no copies; no caches, because each histogram is read once.
        with uproot.open(
            file, handler=MemmapSource, object_cache=None, array_cache=None, num_fallback_workers=1
        ) as opened:
            return _from_members(opened["/".join((*parts, f"{key.name};{key.cycle}"))], key.class_name)
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise Damaged(f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__) from error


def _from_members(h: Any, kind: str) -> Histogram:
    edges = []
    for axis in (h.member(name) for name in ("fXaxis", "fYaxis", "fZaxis")[: int(kind[2])]):
        variable = tuple(np.asarray(axis.member("fXbins"), dtype=np.float64).tolist())
        edges.append(variable or uniform_edges(axis.member("fNbins"), axis.member("fXmin"), axis.member("fXmax")))
    cells = np.asarray(h.values(flow=True)).T.ravel().tolist()  # uproot gives x as the first index
    return make_histogram(kind, tuple(cells), tuple(np.asarray(h.member("fSumw2")).tolist()), tuple(edges))
