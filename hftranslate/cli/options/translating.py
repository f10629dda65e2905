"""What commands that translate share: strictness, accounts, verification."""

import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.options.common import (
    OutputFile,
    combined_options,
    emit,
    json_text,
    report,
    tell,
    tell_lines,
)
from hftranslate.formats.files import Content
from hftranslate.formats.outcomes import Outcome
from hftranslate.translation.translate import (
    Loaded,
)

if TYPE_CHECKING:
    from hftranslate.crosscheck.with_root import RootInstallation
    from hftranslate.translation.verify import Verification


@contextmanager
def many_small_objects() -> Iterator[None]:
    """Without the search for unused cycles, of which a translation makes none: a third of the time of large models."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


strict_option = click.option("--strict", is_flag=True, help="Fail, and write nothing, where something would be lost.")


class VerifyingCommand(click.Command):
    """A command with ``--verify``, which takes the word that follows as its value only where that is ``root``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As for every command."""
        end = args.index("--") if "--" in args else len(args)
        words: list[str] = []
        for word in args[:end]:
            if words[-1:] == ["--verify"]:
                words[-1] = "--verify=root" if word == "root" else "--verify=hftranslate"
                if word == "root":
                    continue
            words.append(word)
        if words[-1:] == ["--verify"]:
            words[-1] = "--verify=hftranslate"
        return super().parse_args(ctx, words + args[end:])


verify_options = combined_options(
    click.option(
        "--verify",
        type=click.Choice(["hftranslate", "root"]),
        metavar="[root]",
        help="Read the output back and compare its likelihood with that of the input, as hftranslate evaluates both; "
        "with the word root also as ROOT evaluates both. Else exit code 1.",
    ),
    click.option(
        "--root-python", metavar="PYTHON", help="A Python that can import ROOT; default: $ROOT_PYTHON, or this."
    ),
)


losses_option = click.option(
    "--losses",
    type=OutputFile(),
    help="Write the account of the translation as JSON.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the input of a translation came from."""

    file: str
    patches: tuple[str, ...] = ()
    basedir: Path | None = None
    confine: bool = False


def root_that_verifies(verify: str | None, python: str | None, file: str) -> "RootInstallation | None":
    """The ROOT that is to verify the translation: found before anything is written."""
    if verify != "root":
        return None
    if file == "-":
        raise click.UsageError("--verify root reads the input again: it must be a file, not standard input")
    from hftranslate.crosscheck.with_root import find_root

    return find_root(python)


def by_root(
    root: "RootInstallation | None", loaded: Loaded, origin: Origin, path: Path, account: tuple[Outcome, ...]
) -> "Iterator[Verification]":
    """What ROOT says of a translation, where it is asked."""
    if root is None:
        return
    from hftranslate.crosscheck.verify_with_root import verify_in_root
    from hftranslate.crosscheck.with_root import Source

    patches = tuple(map(Path, origin.patches))
    source = Source(path=Path(origin.file), patches=patches, basedir=origin.basedir, confine=origin.confine)
    yield verify_in_root(loaded, source, path, root, account=account)


@contextmanager
def file_of(path: Path | None, text: str) -> Iterator[Path]:
    """The file that was written, or one with what went to standard output."""
    if path is not None and str(path) != "-":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="hftranslate-") as folder:
        written = Path(folder) / "output.json"
        written.write_text(text, encoding="utf-8")
        yield written


def tell_verified(ctx: click.Context, checks: "Sequence[Verification]") -> None:
    """Say what was verified; exit code 1 where something was not."""
    for checked in checks:
        tell(checked.sentence)
        tell_lines(checked.details())
    if not all(checked.verified for checked in checks):
        ctx.exit(1)


def warn_without_sidecar(outcomes: tuple[Outcome, ...], has_sidecar: bool) -> None:
    """Say that what only a sidecar could hold is lost."""
    carried = [o for o in outcomes if o.kind == "carried"]
    if carried and not has_sidecar:
        tell(f"no sidecar is written: the {len(carried)} item(s) marked 'carried' are lost")


def account_beside(outcomes: tuple[Outcome, ...], losses: Path | None, loaded: Loaded) -> dict[Path, Content]:
    """The account of a translation as a document, where one is wanted in a file."""
    if losses is None or str(losses) == "-":
        return {}
    return {losses: json_text(_items(outcomes, loaded))}


def _items(outcomes: tuple[Outcome, ...], loaded: Loaded) -> list[dict[str, Any]]:
    fields = ("kind", "where", "what", "effect", "effect_on_cls")
    items = [{f: getattr(o, f) for f in fields} for o in outcomes]
    for fate in loaded.account:
        what = f"{fate.attribute}={fate.value!r}: {fate.becomes}"
        items.append({"kind": fate.fate, "where": fate.where, "what": what, "effect": None, "effect_on_cls": None})
        items[-1] |= {"attribute": fate.attribute, "value": fate.value, "source": fate.source}
    return items


def tell_account(outcomes: tuple[Outcome, ...], losses: Path | None, loaded: Loaded) -> None:
    """Say what did not pass unchanged, and what became of every attribute."""
    if losses is not None and str(losses) == "-":
        emit(_items(outcomes, loaded), None)
    report(outcomes)
    if loaded.account:
        from hftranslate.formats.histfactory_xml import table

        tell_lines(table(loaded.account))
