"""What commands that translate share: strictness, accounts, verification."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import combined_options
from hftranslate.cli.options.paths import OutputFile
from hftranslate.cli.options.progress import ProgressBar
from hftranslate.cli.output import emit, json_text, report, tell, tell_lines
from hftranslate.formats.files import Content, naming
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.outcomes import Outcome
from hftranslate.records import record
from hftranslate.translation.load import Loaded

if TYPE_CHECKING:
    from hftranslate.crosscheck.with_root import RootInstallation
    from hftranslate.translation.verify import Verification


strict_option = click.option("--strict", is_flag=True, help="Fail, and write nothing, where something would be lost.")


class VerifyingCommand(Command):
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


losses_option = click.option("--losses", type=OutputFile(), help="Write the account of the translation as JSON.")


@record
class Verifier:
    """Whether and by whom a translation is verified, and the file that it comes from."""

    wanted: bool
    root: "RootInstallation | None"
    file: str
    patches: tuple[str, ...]
    xml: XmlOptions
    shown: bool

    def of_file(
        self, ctx: click.Context, loaded: Loaded, path: Path, *, with_sidecar: bool, account: tuple[Outcome, ...]
    ) -> None:
        """Verify what was written to a file; exit code 1 where that fails."""
        if self.wanted:
            from hftranslate.translation.verify import verify_file

            with ProgressBar(shown=self.shown) as progress:
                checked = verify_file(
                    loaded.workspace, path, with_sidecar=with_sidecar, account=account, progress=progress
                )
            self._tell(ctx, [checked, *self._by_root(loaded, path, account)])

    def of_text(self, ctx: click.Context, loaded: Loaded, text: str, *, account: tuple[Outcome, ...]) -> None:
        """Verify JSON that went to standard output; exit code 1 where that fails."""
        from hftranslate.translation.verify import verify_json

        with ProgressBar(shown=self.shown) as progress:
            checked = verify_json(loaded.workspace, text, account=account, progress=progress)
        with tempfile.TemporaryDirectory(prefix="hftranslate-") as folder:
            written = Path(folder) / "output.json"
            with naming(written):
                written.write_text(text, encoding="utf-8")
            self._tell(ctx, [checked, *self._by_root(loaded, written, account)])

    def _by_root(self, loaded: Loaded, path: Path, account: tuple[Outcome, ...]) -> "Iterator[Verification]":
        """What ROOT says of it, where it is asked."""
        if self.root is None:
            return
        from hftranslate.crosscheck.verify_with_root import verify_in_root
        from hftranslate.crosscheck.with_root import Source

        patches = tuple(map(Path, self.patches))
        source = Source(path=Path(self.file), patches=patches, basedir=self.xml.basedir, confine=self.xml.confine)
        yield verify_in_root(loaded, source, path, self.root, account=account)

    def _tell(self, ctx: click.Context, checks: "Sequence[Verification]") -> None:
        for checked in checks:
            tell(checked.sentence)
            tell_lines(checked.details())
        if not all(checked.verified for checked in checks):
            ctx.exit(1)


def take_verifier(
    options: dict[str, Any], file: str, xml: XmlOptions, *, patches: tuple[str, ...] = (), shown: bool = False
) -> Verifier:
    """Remove the options of verification from a command's options; ROOT is found before anything is written."""
    verify, python, root = options.pop("verify"), options.pop("root_python"), None
    if verify == "root":
        if file == "-":
            raise click.UsageError("--verify root reads the input again: it must be a file, not standard input")
        from hftranslate.crosscheck.with_root import find_root

        root = find_root(python)
    return Verifier(wanted=verify is not None, root=root, file=file, patches=patches, xml=xml, shown=shown)


@record
class Account:
    """What did not pass unchanged, what was read, and where the document about it goes."""

    outcomes: tuple[Outcome, ...]
    loaded: Loaded
    losses: Path | None

    def beside(self) -> dict[Path, Content]:
        """The account as a document, where one is wanted in a file."""
        if self.losses is None or str(self.losses) == "-":
            return {}
        return {self.losses: json_text(self._items())}

    def tell(self, *, has_sidecar: bool) -> None:
        """Say what did not pass unchanged, what became of every attribute, and what only a sidecar could hold."""
        if self.losses is not None and str(self.losses) == "-":
            emit(self._items(), None)
        report(self.outcomes)
        if self.loaded.account:
            from hftranslate.formats.histfactory_xml import table

            tell_lines(table(self.loaded.account))
        carried = [o for o in self.outcomes if o.kind == "carried"]
        if carried and not has_sidecar:
            tell(f"no sidecar is written: the {len(carried)} item(s) marked 'carried' are lost")

    def _items(self) -> list[dict[str, Any]]:
        fields = ("kind", "where", "what", "effect", "effect_on_cls")
        items = [{f: getattr(o, f) for f in fields} for o in self.outcomes]
        for fate in self.loaded.account:
            what = f"{fate.attribute}={fate.value!r}: {fate.becomes}"
            items.append({"kind": fate.fate, "where": fate.where, "what": what, "effect": None, "effect_on_cls": None})
            items[-1] |= {"attribute": fate.attribute, "value": fate.value, "source": fate.source}
        return items
