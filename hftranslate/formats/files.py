"""Files written so that none is ever half there, and so that files which belong together are never old and new at once.

A file is written beside its place and takes it in one step. Where several are written, the first is the main one: the
others are set aside before it is replaced and take their places afterwards, so that an interruption at any moment
leaves the old main file or the new one, and beside it nothing of the other time. What an interruption leaves in
working folders (``.hftranslate-xxxxxxxx``) is removed by whoever next writes into the same folder.
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from hftranslate.errors import InputError, MissingInput

#: What goes into a file; text in UTF-8.
Content: TypeAlias = str | bytes
#: A path and what is to be there; ``None``: nothing.
FileStep: TypeAlias = tuple[Path, Content | None]

#: The audit event that says which file is about to be replaced, of what it holds now only whether that is the same.
REPLACES = "hftranslate.replaces"

_WORKING = ".hftranslate-"
_WORKING_NAME = re.compile(re.escape(_WORKING) + r"[a-z0-9_]{8}")


# ------------------------------------------------------------------------------------------------------------- writing
def write_files(files: Mapping[Path, Content | None]) -> None:
    """Write files that belong together, the main one first; where one cannot be written, none is.

    What is no file, a device or a pipe, is written to as it is; a link stays one, to the file that is replaced.

    Parameters
    ----------
    files
        the content of each; ``None`` for one that shall not be there any more.

    Raises
    ------
    InputError
        Two of them are one file.
    MissingInput
        One cannot be written; the message names it.
    """
    _check_folders(files)
    main, *beside = files.items()
    write_together([main], dict(beside))


def write_together(main: Sequence[FileStep], beside: Mapping[Path, Content | None]) -> None:
    """Write something that takes several steps, and files beside it that are about it; errors of :func:`write_files`.

    The files beside it are never there together with what they are not about.

    Parameters
    ----------
    main
        the steps, in their order: a path and what it gets.
    beside
        content by path; ``None``: what is there is removed.

    Raises
    ------
    InputError
        A file cannot be written; what was there before is there again.
    """
    _check_folders(beside)
    _check_distinct([*dict(main), *beside])
    aside: list[FileStep] = [(path, None) for path in beside]
    write_steps([*aside, *main, *((path, content) for path, content in beside.items() if content is not None)])


def write_steps(steps: Sequence[FileStep]) -> None:
    """Write files one after the other in this order, once the content of all lies ready; folders are made as needed.

    An interruption leaves what is there between two steps, never a part of a file. A path may come more than once. A
    failure is undone as long as nothing was replaced.

    Raises
    ------
    MissingInput
        A file cannot be written; the message names it.
    """
    for path, content in steps:
        if content is not None and path.is_dir():
            raise MissingInput(f"{path} cannot be written: it is a directory")
    streams = [(path, content) for path, content in steps if is_stream(path) and content is not None]
    files = [(_behind_links(path), content) for path, content in steps if not is_stream(path)]
    with ExitStack() as stack:
        beside = _Working(stack)
        ready = [(path, None if content is None else beside.write(path, content)) for path, content in files]
        for folder in _in_one_order(_nearest_folder(path) for path, _ in files):
            stack.enter_context(_alone(folder))
        _put_in_place(ready, beside)
    for path, content in streams:
        with naming(path), suppress(BrokenPipeError):  # that nobody reads on is no fault
            path.write_bytes(_encoded(content))


def _put_in_place(ready: Iterable[tuple[Path, Path | None]], beside: "_Working") -> None:
    with ExitStack() as undo:
        for path, source in ready:
            with naming(path):
                is_there = os.path.lexists(path)
                if source is not None:
                    for parent in reversed([p for p in path.parents if not p.exists()]):
                        parent.mkdir()
                        undo.callback(_remove_if_empty, parent)
                    os.replace(source, path)
                    if is_there:  # there is no way back
                        undo.pop_all()
                    else:
                        undo.callback(path.unlink, missing_ok=True)
                elif is_there:
                    kept = beside.place(path)
                    os.rename(path, kept)
                    undo.callback(os.rename, kept, path)
        undo.pop_all()


class _Working:
    """Working folders, one in each folder that is written into: only within a file system can files be moved."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folders: dict[Path, Path] = {}
        self._count = 0

    def place(self, path: Path) -> Path:
        """A new place from which, or to which, a file can be moved."""
        parent = _nearest_folder(path)
        if parent not in self._folders:
            self._folders[parent] = self._stack.enter_context(working_folder(parent))
        self._count += 1
        return self._folders[parent] / str(self._count)

    def write(self, path: Path, content: Content) -> Path:
        """The content of a file, ready to take its place."""
        with naming(path):
            place = self.place(path)
            place.write_bytes(_encoded(content))
            return place


def _encoded(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _check_folders(files: Iterable[Path]) -> None:
    for path in files:
        if not path.parent.is_dir():
            raise MissingInput(f"{path} cannot be written: there is no folder {str(path.parent)!r}")


def _check_distinct(paths: Iterable[Path]) -> None:
    known: dict[object, Path] = {}
    for path in paths:
        other = known.setdefault(identity(path), path)
        if other is not path:
            raise InputError(f"{path} and {other} are one file, and two documents would be written to it")


def identity(path: Path) -> object:
    """What two paths have in common that lead to one file, by links or otherwise, be it there or not.

    Devices and pipes have nothing in common: it does no harm to write to them twice.
    """
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    except ValueError:  # a name that no file system takes
        return str(path)
    is_file = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return (found.st_dev, found.st_ino) if is_file else object()


def is_stream(path: Path) -> bool:
    """Whether a path leads to something that is written to as it is: a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _behind_links(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _nearest_folder(path: Path) -> Path:
    return next((parent for parent in path.parents if parent.is_dir()), path.parent)


def _in_one_order(folders: Iterable[Path]) -> list[Path]:
    """Each folder once, however it is called, in an order that all runs follow, lest they wait for each other."""
    known = {(found.st_dev, found.st_ino): folder for folder in folders for found in [folder.stat()]}
    return [known[key] for key in sorted(known)]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of the file system, which may not say so, are about this file.

    Raises
    ------
    MissingInput
        It cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
            reason = f"there is no folder {str(path.parent)!r}"
        raise MissingInput(f"{path} cannot be written: {reason}") from None


# ------------------------------------------------------------------------------------------------------------- folders
@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """A folder whose content becomes that of the one that is wanted once all is done; gone where something failed.

    An empty folder that is there, and that one stands in or that is a disk of its own, stays the same folder: its
    content comes piece by piece. Any other appears at once.

    Raises
    ------
    InputError
        The wanted folder holds something already, or cannot be made.
    """
    is_there = folder.exists()
    if is_there and folder.is_dir():
        _sweep(folder)
    if is_there and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something already; give a new or empty folder")
    made = [parent for parent in folder.parents if not parent.exists()]
    stays = is_there and not _replaceable(folder)
    with ExitStack() as stack:
        for parent in reversed(made):
            stack.callback(_remove_if_empty, parent)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            work = stack.enter_context(working_folder(folder if stays else folder.parent))
        except OSError as error:
            raise InputError(f"{folder} cannot be made: {error.strerror or error}") from None
        yield work
        if stays:
            for path in sorted(work.iterdir()):
                os.rename(path, folder / path.name)
        else:
            work.chmod(stat.S_IMODE(folder.stat().st_mode) if is_there else 0o777 & ~_umask())
            os.rename(work, folder)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _replaceable(folder: Path) -> bool:
    """Whether another folder can take the place of an empty one."""
    is_plain = not folder.is_symlink() and not os.path.ismount(folder)
    return is_plain and not os.path.samefile(folder, os.curdir) and os.access(folder.parent, os.W_OK)


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """A folder of our own in a folder, removed in the end; those of killed runs are removed now."""
    _sweep(parent)
    with ExitStack() as stack:
        while True:
            folder = Path(tempfile.mkdtemp(prefix=_WORKING, dir=parent))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_alone(folder))
            if folder.is_dir():  # else someone took it for that of a killed run, before it was locked
                break
        yield folder


def _sweep(parent: Path) -> None:
    """Remove the working folders of runs that were killed: those that nobody holds."""
    with suppress(OSError):
        for entry in list(os.scandir(parent)):
            if _WORKING_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with _alone(Path(entry.path), waiting=False) as is_ours:
                    if is_ours:
                        shutil.rmtree(entry.path, ignore_errors=True)


@contextmanager
def _alone(folder: Path, *, waiting: bool = True) -> Iterator[bool]:
    """Hold a folder against other runs of this program, which wait; ``False`` where that is not possible.

    The operating system lets go of it when this process ends, however it does. Some file systems know no locks.
    """
    with ExitStack() as stack:
        is_held = False
        with suppress(ImportError, OSError):
            import fcntl

            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if waiting else fcntl.LOCK_NB))
            is_held = True
        yield is_held


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
