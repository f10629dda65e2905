"""Archives: packed so that the same files give the same bytes, and unpacked so that a hostile one does no harm.

Unpacking refuses what a likelihood archive has no use for: names that lead outside the folder, links, devices, names
that differ only in case, and more files or bytes than the limits. Nothing is left behind by a refusal.
"""

import bz2
import errno
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, TypeAlias, cast

from hftranslate.errors import FormatError, UnsafeInput
from hftranslate.formats.files import fresh_folder, naming

Kind: TypeAlias = Literal["tar", "zip", "json"]

#: How each form of a compressed file begins, and what undoes it.
_COMPRESSIONS: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError)
_CHUNK = 1 << 20
_LONGEST_NAME, _LONGEST_PATH = 240, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an archive may hold at most.

    Attributes
    ----------
    files, total_bytes
        number of files, and of bytes after decompression.
    ratio
        bytes after decompression for each compressed byte. JSON of likelihoods compresses by up to fifty.
    """

    files: int = 20_000
    total_bytes: int = 1 << 30
    ratio: float = 300.0

    def beside(self, folder: Path) -> "Limits":
        """What is left of them for more archives, where a folder holds what was unpacked already."""
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        return replace(self, files=self.files - len(sizes), total_bytes=self.total_bytes - sum(sizes))


DEFAULT_LIMITS = Limits()
#: Below this size no ratio is asked for: a small archive of zeros does no harm.
_SMALL = 10 << 20


# ------------------------------------------------------------------------------------------------------------- packing
def pack(files: Mapping[str, bytes]) -> bytes:
    """A ``.tar.gz`` archive of files by their names: sorted, without times and owners, always the same bytes."""
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=0, compresslevel=9) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(_safe_name(name))
            member.size, member.mode, member.mtime = len(files[name]), 0o644, 0
            archive.addfile(member, io.BytesIO(files[name]))
    return stream.getvalue()


# ----------------------------------------------------------------------------------------------------------- unpacking
def kind_of(path: Path) -> Kind | None:
    """Whether a file is an archive or a JSON document, by its content; compression is looked through."""
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return "zip"
        file.seek(0)
        try:
            head = cast(BinaryIO, _decompressed(file)).read(1024)
        except (OSError, *_DAMAGE):
            return None
    if head[257:262] == b"ustar":
        return "tar"
    return "json" if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) else None


def unpack(path: Path, folder: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """Unpack an archive into a folder that is not there yet, or empty.

    Returns
    -------
    tuple of str
        the names of the files, sorted, with ``/`` between folders.

    Raises
    ------
    UnsafeInput
        The archive holds what is refused, or too much.
    FormatError
        It is damaged, or no archive.
    InputError
        The folder holds something already.
    """
    with fresh_folder(folder) as work:
        return unpack_into(path, work, limits)


def unpack_into(path: Path, folder: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """:func:`unpack` into a folder that is there; what was unpacked before a refusal stays in it."""
    kind = kind_of(path)
    reader = {"tar": _tar_members, "zip": _zip_members}.get(kind or "")
    if reader is None:
        raise FormatError(f"{path.name} is no archive; expected .tar, .tar.gz, .tar.xz, .tar.bz2 or .zip")
    written: list[str] = []
    seen: dict[str, str] = {}
    try:
        for number, (name, content) in enumerate(reader(path, limits), start=1):
            if number > 2 * limits.files:
                raise UnsafeInput(f"{path.name} holds more than {limits.files} files and as many folders; refused")
            _check_new(name, seen, path.name)
            if content is None:
                folder.joinpath(name).mkdir(parents=True, exist_ok=True)
                continue
            if len(written) >= limits.files:
                raise UnsafeInput(f"{path.name} holds more than {limits.files} files; refused")
            _write(folder / name, content, path.name)
            written.append(name)
    except (*_DAMAGE, ValueError, NotImplementedError) as error:
        raise FormatError(f"{path.name} is a damaged archive: {error}") from None
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # what gzip says of bad data, and zipfile of a place before the start
            raise FormatError(f"{path.name} is a damaged archive: {error}") from None
        raise
    return tuple(sorted(written))


Member: TypeAlias = tuple[str, BinaryIO | None]


def _tar_members(path: Path, limits: Limits) -> Iterator[Member]:
    """Names and contents one after the other, ``None`` for folders; the stream is read once, and counted."""
    with path.open("rb") as file:
        stream = _Counted(cast(BinaryIO, _decompressed(file)), path, limits)
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as archive:
            for member in archive:
                name = _safe_name(member.name)
                if member.isdir():
                    yield name, None
                elif member.isreg() and not member.issparse():
                    content = archive.extractfile(member)
                    assert content is not None
                    yield name, cast(BinaryIO, content)
                else:
                    raise UnsafeInput(
                        f"{path.name}: {name!r} is {_what(member)}; only files and folders are taken from archives"
                    )


def _what(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname!r}"
    if member.isdev():
        return "a device or pipe"
    return "a sparse file" if member.issparse() else "of an unknown type"


def _zip_members(path: Path, limits: Limits) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > 2 * limits.files:
            raise UnsafeInput(f"{path.name} holds more than {limits.files} files; refused")
        total = sum(e.file_size for e in entries)
        if total > limits.total_bytes or _too_dense(total, path, limits):
            raise UnsafeInput(f"{path.name} would unpack to {total} bytes; refused")
        for entry in entries:
            name = _safe_name(entry.filename)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                what = "a link" if kind == stat.S_IFLNK else "a device or pipe"
                raise UnsafeInput(f"{path.name}: {name!r} is {what}; only files and folders are taken from archives")
            if entry.flag_bits & 0x1:
                raise UnsafeInput(f"{path.name}: {name!r} is encrypted")
            if entry.is_dir():
                yield name, None
            else:
                with archive.open(entry) as content:  # reads no more than the stated size
                    yield name, cast(BinaryIO, content)


def _decompressed(file: BinaryIO) -> object:
    head = file.read(6)
    file.seek(0)
    for magic, opened in _COMPRESSIONS.items():
        if head.startswith(magic):
            return opened(file)
    return file


class _Counted:
    """A stream that refuses to give more than the limits allow."""

    def __init__(self, stream: BinaryIO, path: Path, limits: Limits) -> None:
        self._stream, self._path, self._limits = stream, path, limits
        self._total = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._total += len(data)
        if self._total > self._limits.total_bytes or _too_dense(self._total, self._path, self._limits):
            raise UnsafeInput(f"{self._path.name} unpacks to more than {self._total} bytes; refused")
        return data


def _too_dense(total: int, path: Path, limits: Limits) -> bool:
    return total > _SMALL and total > limits.ratio * path.stat().st_size


def _safe_name(name: str) -> str:
    """The name of a file in an archive, without ``./``.

    Raises
    ------
    UnsafeInput
        It is absolute, leads outside, or is none that every file system takes.
    """
    parts = [p for p in PurePosixPath(name).parts if p != "."]
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts or "\\" in name:
        raise UnsafeInput(f"the archive holds a file outside its folder: {name!r}")
    is_long = len(name.encode()) > _LONGEST_PATH or any(len(p.encode()) > _LONGEST_NAME for p in parts)
    if not name or is_long or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise UnsafeInput(f"the archive holds a file with an unusable name: {name[:80]!r}")
    return "/".join(parts) or "."


def _check_new(name: str, seen: dict[str, str], source: str) -> None:
    other = seen.setdefault(name.casefold(), name)
    if other != name:
        raise UnsafeInput(f"{source}: {other!r} and {name!r} differ only in case; refused")


def _write(target: Path, content: BinaryIO, source: str) -> None:
    with naming(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("xb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UnsafeInput(f"{source}: {target.name!r} stands in it more than once; refused") from None
    with file:
        while chunk := content.read(_CHUNK):
            with naming(target):
                file.write(chunk)
        with naming(target):
            file.flush()


def folder_names(names: Iterable[str]) -> list[str]:
    """Names of folders that differ, in more than case: of those that are the same all but the first get a number."""
    wanted = [name or "likelihood" for name in names]
    known = {name.casefold() for name in wanted}
    taken: set[str] = set()
    found = []
    for name in wanted:
        chosen = name
        if name.casefold() in taken:
            numbered = (f"{name}-{i}" for i in count(1))
            chosen = next(n for n in numbered if n.casefold() not in known | taken)
        taken.add(chosen.casefold())
        found.append(chosen)
    return found


def read_files(folder: Path) -> Iterable[str]:
    """Names of all files below a folder, sorted, with ``/`` between folders; links are refused.

    Raises
    ------
    UnsafeInput
        There is a link.
    """
    names = []
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise UnsafeInput(f"{path} is a link; refused")
        if path.is_file():
            names.append(path.relative_to(folder).as_posix())
    return sorted(names)


__all__ = [
    "DEFAULT_LIMITS",
    "Kind",
    "Limits",
    "folder_names",
    "kind_of",
    "pack",
    "read_files",
    "unpack",
    "unpack_into",
]
