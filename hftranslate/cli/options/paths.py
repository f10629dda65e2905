"""Paths on the command line: completed by the shell, and no file is both read and written, or written twice.

What is wrong with paths is said before the work. Files that other files name, the histograms of XML say, are known only
when they are opened: they are looked at then, before anything is written.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from hftranslate.formats.files import REPLACES, identity
from hftranslate.formats.histfactory_xml.options import HISTOGRAMS
from hftranslate.records import record
from hftranslate.translation.sidecar_file import sidecar_path

_META = "hftranslate.paths"


@record
class _Claim:
    """What a parameter does with a file. Sidecars lie at one place for several documents."""

    path: Path
    parameter: str
    is_read: bool = False
    is_written: bool = False
    is_sidecar: bool = False

    def __str__(self) -> str:
        does = "writes" if self.is_written else "reads"
        what = "standard output" if str(self.path) == "-" else str(self.path)
        return f"{self.parameter} {does} {what}{' as a sidecar' if self.is_sidecar else ''}"

    def clashes(self, other: "_Claim") -> bool:
        """Whether the two cannot both have the file."""
        if not (self.is_written or other.is_written) or (self.is_sidecar and other.is_sidecar):
            return False
        return self._file() == other._file()

    def _file(self) -> object:
        return "standard output" if str(self.path) == "-" else identity(self.path)


class _Path(click.Path):
    """A path that the command line claims, with what belongs to it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; refused where another parameter has claimed it."""
        try:
            path = super().convert(value, param, ctx)
        except ValueError as error:  # a name that no file system takes
            self.fail(f"{str(value)!r} is no file name: {error}", param, ctx)
        if param is not None and ctx is not None and not ctx.resilient_parsing:
            claims: list[_Claim] = ctx.meta.setdefault(_META, [])
            for claim in self.claims(path, param.get_error_hint(ctx), ctx):
                other = next((c for c in claims if c.clashes(claim)), None)
                if other is not None:
                    self.fail(f"one file for two purposes: {other}, {claim}", param, ctx)
                claims.append(claim)
            _guard(ctx, claims)
        return path

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The files that a value stands for."""
        raise NotImplementedError


class InputFile(_Path):
    """A file that is read; ``-`` is standard input. What is wrong with it is told by who reads it."""

    def __init__(self, path_type: type | None = None) -> None:
        super().__init__(allow_dash=True, readable=False, path_type=path_type)

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The file, and the sidecar that may lie beside it."""
        if str(path) != "-":
            yield _Claim(path=Path(path), parameter=parameter, is_read=True)
            if Path(path).name:
                yield _Claim(path=sidecar_path(path), parameter=parameter, is_read=True, is_sidecar=True)


class NamedFiles(InputFile):
    """Files with a name before them, ``NAME=FILE[,FILE]``; the text is left as it is."""

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The files."""
        for one in filter(None, {path: None, **dict.fromkeys(str(path).rpartition("=")[2].split(","))}):
            yield from super().claims(one, parameter, ctx)


class DescribedFile(InputFile):
    """A file with words on it after its name, ``FILE[=DESCRIPTION]``; the text is left as it is."""

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The file."""
        yield from super().claims(str(path).partition("=")[0], parameter, ctx)


class InputFolder(_Path):
    """A folder in which files are read."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, readable=False, path_type=Path)

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The folder itself."""
        yield _Claim(path=path, parameter=parameter, is_read=True)


class OutputFile(_Path):
    """A file that is written to once the work is done: whether that is possible is asked before."""

    def __init__(self, *, takes_dash: bool = True) -> None:
        super().__init__(dir_okay=False, writable=True, allow_dash=True, path_type=Path)
        self.takes_dash = takes_dash

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; ``-`` is standard output."""
        path = Path(str(super().convert(value, param, ctx)))
        if str(path) == "-" and not self.takes_dash:
            self.fail("it goes to a file, not to standard output", param, ctx)
        if str(path) == "-" or self.makes_folder(path):
            return path
        if not path.parent.is_dir():
            self.fail(f"{path} cannot be written: there is no folder {str(path.parent)!r}", param, ctx)
        if (path.is_file() or not path.exists()) and not os.access(os.path.dirname(os.path.realpath(path)), os.W_OK):
            self.fail(f"{path} cannot be written: the folder {str(path.parent)!r} is closed", param, ctx)
        return path

    def makes_folder(self, path: Path) -> bool:
        """Whether the folder that the file goes into need not be there."""
        return False

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The file."""
        yield _Claim(path=path, parameter=parameter, is_written=True)


class KeptFile(OutputFile):
    """A file of results that a run goes on from and adds to."""

    def __init__(self) -> None:
        super().__init__(takes_dash=False)

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The file."""
        yield _Claim(path=path, parameter=parameter, is_read=True, is_written=True)


class SidecarFile(OutputFile):
    """A sidecar, of which there may be one already."""

    def __init__(self) -> None:
        super().__init__(takes_dash=False)

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The file."""
        yield _Claim(path=path, parameter=parameter, is_read=True, is_written=True, is_sidecar=True)


class ModelFile(OutputFile):
    """A model as JSON, or as the driver of XML with its histograms; its sidecar lies beside it.

    An eager option ``to`` may name the format: the driver of XML ends in ``.xml``, whatever the path says.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path of the document."""
        given, path = str(value), Path(str(value))
        if ctx is not None and ctx.params.get("to") == "xml" and given != "-":
            if path.is_dir() or given.endswith(("/", os.sep)):
                self.fail(f"{given} is a folder; name the driver in it, {path / 'FitConfig.xml'} say", param, ctx)
            value = path if self.makes_folder(path) else path.with_suffix(".xml")
        return super().convert(value, param, ctx)

    def makes_folder(self, path: Path) -> bool:
        """Whether it is XML, which makes the folder that it goes into."""
        return path.suffix.lower() == ".xml"

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The model's files as far as their names are known."""
        yield from super().claims(path, parameter, ctx)
        if str(path) != "-":
            yield _Claim(path=sidecar_path(path), parameter=parameter, is_read=True, is_written=True, is_sidecar=True)
        if self.makes_folder(path):
            yield _Claim(path=path.parent / HISTOGRAMS, parameter=parameter, is_written=True)


class OutputFolder(_Path):
    """A folder that is written into; where ``file_okay``, it may be a file as well."""

    def __init__(self, *, file_okay: bool = False) -> None:
        super().__init__(file_okay=file_okay, path_type=Path)

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The folder itself."""
        yield _Claim(path=path, parameter=parameter, is_written=True)


class ModelFolder(OutputFolder):
    """A folder that a model goes into as XML; an eager option ``prefix`` names the driver."""

    def claims(self, path: Any, parameter: str, ctx: click.Context) -> Iterable[_Claim]:
        """The model's files as far as their names are known; others in the folder may be read."""
        yield from ModelFile().claims(path / f"{ctx.params['prefix']}.xml", parameter, ctx)


# ------------------------------------------------------------------------------------------------------ while it runs
#: What would be replaced in this run, by what files are known by.
_guarded: dict[object, _Claim] = {}
_is_watching = False


def _guard(ctx: click.Context, claims: list[_Claim]) -> None:
    """Refuse that this run reads what it will replace, unless that is meant, as with sidecars and kept results."""
    global _is_watching
    if not _is_watching:  # there is no way to take a hook away
        sys.addaudithook(_look)
        _is_watching = True
    if not _guarded:
        ctx.find_root().call_on_close(_guarded.clear)
    _guarded.update({identity(c.path): c for c in claims if c.is_written and not c.is_read and c.path.is_file()})


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guarded or event not in ("open", "os.rename", REPLACES):
        return
    if event != "open":  # it takes its place, or is about to: from now on it may be read
        _guarded.pop(identity(Path(os.fsdecode(arguments[0 if event == REPLACES else 1]))), None)
    elif isinstance(arguments[0], str | bytes | os.PathLike) and "r" in (arguments[1] or "r"):
        path = Path(os.fsdecode(arguments[0]))
        if (claim := _guarded.get(identity(path))) is not None:
            raise click.UsageError(f"one file for two purposes: {path} is read, and {claim}")
