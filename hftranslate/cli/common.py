"""Options and helpers that several commands share."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hftranslate.display import terminal, terminal_lines
from hftranslate.errors import FitFailed
from hftranslate.formats.documents import dump_json
from hftranslate.formats.histfactory_xml.sources import XmlOptions
from hftranslate.outcomes import Outcome, told
from hftranslate.translate import Loaded, load, write_texts
from hftranslate.workspace import CONVENTIONS, Conventions, Workspace

F = TypeVar("F", bound=Callable[..., Any])


def combined_options(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, in this order in the help text."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


class OutputFile(click.Path):
    """A file that is written to once the work is done: whether that is possible is asked before."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; ``-`` is standard output."""
        path = Path(str(super().convert(value, param, ctx)))
        if str(path) == "-" or path.suffix == ".xml":  # XML makes the folder that it goes into
            return path
        if not path.parent.is_dir():
            self.fail(f"{path} cannot be written: there is no folder {str(path.parent)!r}", param, ctx)
        if (path.is_file() or not path.exists()) and not os.access(os.path.dirname(os.path.realpath(path)), os.W_OK):
            self.fail(f"{path} cannot be written: the folder {str(path.parent)!r} is closed", param, ctx)
        return path


file_argument = click.argument("file", default="-")
output_option = click.option(
    "-o",
    "--output-file",
    type=OutputFile(),
    help="Where to write; default: standard output.",
)
patch_option = click.option(
    "-p",
    "--patch",
    "patches",
    multiple=True,
    metavar="PATCH.json",
    help="JSON patch for the raw document, - for standard input; repeatable.",
)
xml_options = combined_options(
    click.option("--basedir", type=click.Path(path_type=Path), help="Folder that paths in XML are relative to."),
    click.option(
        "-v",
        "--mount",
        "mounts",
        multiple=True,
        metavar="LOCAL:IN_XML",
        help="Take what XML names below IN_XML from below LOCAL, a folder here; repeatable.",
    ),
    click.option(
        "--search", multiple=True, type=click.Path(path_type=Path), help="Look for missing files by name below here."
    ),
    click.option("--confine", is_flag=True, help="Read nothing outside the folder of the XML."),
    click.option("--asimov-if-missing", is_flag=True, help="Where XML has no data, take the nominal expectation."),
    click.option("--root-version", default="6.40", show_default=True, help="Whose meaning the XML has."),
    click.option(
        "--normalize-by-theory",
        type=click.Choice(["root", "intended"]),
        default="root",
        show_default=True,
        help="Whether NormalizeByTheory is without effect, as in ROOT since 6.22, or does what it once meant.",
    ),
)
model_options = combined_options(
    file_argument,
    output_option,
    patch_option,
    click.option("--measurement", metavar="NAME", help="Which measurement; default: the first."),
    click.option(
        "--conventions",
        type=click.Choice(["auto", "root", "pyhf"]),
        default="auto",
        show_default=True,
        help="How to evaluate what ROOT and pyhf evaluate differently; auto: XML as ROOT does, JSON as pyhf does.",
    ),
    xml_options,
)


def take_xml_options(options: dict[str, Any]) -> XmlOptions:
    """Remove the XML options from a command's options and make one object of them."""
    return XmlOptions(
        basedir=options.pop("basedir"),
        mounts=tuple(map(_mount, options.pop("mounts"))),
        search=tuple(options.pop("search")),
        confine=options.pop("confine"),
        root_version=options.pop("root_version"),
        normalize_by_theory=options.pop("normalize_by_theory"),
        asimov_if_missing=options.pop("asimov_if_missing"),
    )


def _mount(text: str) -> tuple[str, str]:
    """From ``LOCAL:IN_XML``, as pyhf has it, the path in the XML and the folder here that stands for it.

    Either may hold colons (an address): each is tried, and what is here decides. Where only the other order can be
    meant, it is taken, and told.
    """
    parts = [(text[:i], text[i + 1 :]) for i, letter in enumerate(text) if letter == ":"]
    parts = [(first, second) for first, second in parts if first and second]
    if not parts:
        raise click.BadParameter(f"{text!r} must look like LOCAL:IN_XML", param_hint="--mount")
    for local, in_xml in parts:
        if Path(local).exists():
            return in_xml, str(Path(local).resolve())
    for in_xml, local in reversed(parts):
        if Path(local).exists():
            tell(f"--mount {text}: read as {local}:{in_xml}; the folder here comes first")
            return in_xml, str(Path(local).resolve())
    local, in_xml = parts[0]
    tell(f"--mount {text}: there is no folder {local!r} here")
    return in_xml, str(Path(local).resolve())


def read_once(*files: str) -> None:
    """Refuse several files from standard input, which can be read once."""
    if files.count("-") > 1:
        raise click.UsageError("standard input can be one of the files, not several")


def load_model(options: dict[str, Any]) -> tuple[Workspace, str | None, Conventions]:
    """Read the workspace that a command's model options name, with the measurement and conventions to use."""
    chosen = options.pop("conventions")
    loaded = load(
        options.pop("file"),
        patches=options.pop("patches"),
        xml=take_xml_options(options),
        use_sidecar=chosen == "root",
    )
    report(loaded.outcomes)
    conventions = loaded.workspace.conventions if chosen == "auto" else CONVENTIONS[chosen]
    return loaded.workspace, options.pop("measurement"), conventions


def command_line() -> str:
    """What was run, for a provenance."""
    return " ".join(["hftranslate", *sys.argv[1:]])


def input_files(file: str, patches: tuple[str, ...]) -> tuple[str, ...]:
    """The files of a model, for a provenance."""
    return tuple(name for name in (file, *patches) if name != "-")


def tell(sentence: str) -> None:
    """Say a sentence on standard error; a name in it cannot make it look like another."""
    click.echo(terminal(sentence), err=True)


def tell_lines(text: str) -> None:
    """Show lines on standard error."""
    click.echo(terminal_lines(text).removesuffix("\n"), err=True)


def report(outcomes: tuple[Outcome, ...]) -> None:
    """Tell on standard error what did not pass unchanged."""
    for line in told(outcomes):
        tell(line)


def emit(document: object, output_file: Path | None) -> None:
    """Write a JSON document to a file or to standard output."""
    try:
        text = dump_json(document)
    except ValueError:
        raise FitFailed(
            "the result contains numbers that are not finite; are there extreme yields or uncertainties in the model?"
        ) from None
    emit_text(text, output_file)


def emit_text(text: str, output_file: Path | None) -> None:
    """Write lines of text to a file or to standard output."""
    text = terminal_lines(text)
    if output_file is None or str(output_file) == "-":
        click.echo(text, nl=False)
    else:
        write_texts({output_file: text})


__all__ = [
    "Loaded",
    "OutputFile",
    "combined_options",
    "command_line",
    "emit",
    "emit_text",
    "input_files",
    "load_model",
    "model_options",
    "read_once",
    "report",
    "take_xml_options",
    "tell",
    "tell_lines",
    "xml_options",
]
