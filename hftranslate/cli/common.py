"""Options and helpers that several commands share."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from hftranslate.cli.paths import InputFile, InputFolder, ModelFile, OutputFile
from hftranslate.display import terminal, terminal_lines
from hftranslate.errors import FitFailed, InputError
from hftranslate.formats.files import Content, write_files
from hftranslate.formats.histfactory_xml.sources import XmlOptions
from hftranslate.formats.json_text import dump_json
from hftranslate.formats.outcomes import Outcome, told
from hftranslate.translation.translate import Loaded, load, sidecar_path
from hftranslate.workspace import CONVENTIONS, Conventions, Workspace

F = TypeVar("F", bound=Callable[..., Any])


def combined_options(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, in this order in the help text."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


file_argument = click.argument("file", default="-", type=InputFile())
output_option = click.option(
    "-o",
    "--output-file",
    type=OutputFile(),
    help="Where to write; default: standard output.",
)
model_output_option = click.option(
    "-o",
    "--output-file",
    type=ModelFile(),
    help="Where to write; default: standard output.",
)
patch_option = click.option(
    "-p",
    "--patch",
    "patches",
    multiple=True,
    type=InputFile(),
    metavar="PATCH.json",
    help="JSON patch for the raw document, - for standard input; repeatable.",
)
xml_options = combined_options(
    click.option("--basedir", type=InputFolder(), help="Folder that paths in XML are relative to."),
    click.option(
        "-v",
        "--mount",
        "mounts",
        multiple=True,
        metavar="LOCAL:IN_XML",
        help="Take what XML names below IN_XML from below LOCAL, a folder here; repeatable.",
    ),
    click.option("--workspace", metavar="NAME", help="Of a ROOT file: the RooWorkspace whose model is wanted."),
    click.option("--search", multiple=True, type=InputFolder(), help="Look for missing files by name below here."),
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
        measurement=options.get("measurement"),
        workspace=options.pop("workspace"),
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


def load_model(options: dict[str, Any], *, edges: bool = False) -> tuple[Workspace, str | None, Conventions]:
    """Read the workspace that a command's model options name, with the measurement and conventions to use.

    With ``edges``, the bin edges that lie in a sidecar come along whatever the conventions: they change no physics.
    """
    chosen, file = options.pop("conventions"), options.pop("file")
    loaded = load(
        file,
        patches=options.pop("patches"),
        xml=take_xml_options(options),
        use_sidecar=chosen == "root",
    )
    report(loaded.outcomes)
    workspace = loaded.workspace
    conventions = workspace.conventions if chosen == "auto" else CONVENTIONS[chosen]
    if (
        edges
        and loaded.format == "pyhf-json"
        and not loaded.with_sidecar
        and file != "-"
        and sidecar_path(file).is_file()
    ):
        try:
            whole = load(file, use_sidecar=True)
        except InputError as error:
            tell(f"the bin edges are not known: {error}")
        else:
            workspace = workspace.with_edges_of(whole.workspace)
            if chosen != "root":  # else it was said that the sidecar is not used
                report(tuple(o for o in whole.outcomes if o not in loaded.outcomes))
    return workspace, options.pop("measurement"), conventions


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


def emit(document: object, output_file: Path | None, *, beside: Mapping[Path, Content] | None = None) -> None:
    """Write a JSON document to a file or to standard output, and what is beside it: all or none."""
    emit_text(json_text(document), output_file, beside=beside)


def json_text(document: object) -> str:
    """The text of a JSON document.

    Raises
    ------
    FitFailed
        There are numbers in it that are not finite.
    """
    try:
        return dump_json(document)
    except ValueError:
        raise FitFailed(
            "the result contains numbers that are not finite; are there extreme yields or uncertainties in the model?"
        ) from None


def emit_text(text: str, output_file: Path | None, *, beside: Mapping[Path, Content] | None = None) -> None:
    """Write lines of text to a file or to standard output, and what is beside it: all or none."""
    emit_texts({output_file or Path("-"): terminal_lines(text), **(beside or {})})


def emit_texts(texts: Mapping[Path, Content]) -> None:
    """Write files that belong together, the main one first: all or none. What goes to standard output comes last."""
    if files := {path: content for path, content in texts.items() if str(path) != "-"}:
        write_files(files)
    for path, content in texts.items():
        if str(path) == "-":
            click.echo(content, nl=False)


__all__ = [
    "Loaded",
    "OutputFile",
    "combined_options",
    "command_line",
    "emit",
    "emit_text",
    "emit_texts",
    "input_files",
    "json_text",
    "load_model",
    "model_options",
    "read_once",
    "report",
    "take_xml_options",
    "tell",
    "tell_lines",
    "xml_options",
]
