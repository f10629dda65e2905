"""Options of commands that read a model, and the model that they name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from hftranslate.cli.options.paths import InputFile, InputFolder, ModelFile, OutputFile
from hftranslate.cli.output import report, tell
from hftranslate.errors import InputError
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.translation.load import load
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.workspace import CONVENTIONS, Conventions, Workspace

F = TypeVar("F", bound=Callable[..., Any])


def combined_options(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, in this order in the help text."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def choice_option(name: str, values: Sequence[str], help: str) -> Callable[[F], F]:
    """A word out of some, the first by default."""
    return click.option(name, type=click.Choice(values), default=values[0], show_default=True, help=help)


def conventions_option(help: str) -> Callable[[F], F]:
    """Whose evaluation to follow."""
    return choice_option("--conventions", ("auto", "root", "pyhf"), help)


file_argument = click.argument("file", default="-", type=InputFile())

output_option = click.option("-o", "--output-file", type=OutputFile(), help="Where to write; default: standard output.")


def _format_option(default: str) -> Callable[[F], F]:
    return click.option(
        "--format",
        "kind",
        type=click.Choice(["text", "json", "csv", "latex", "markdown", "table"]),
        metavar="[text|json|csv|latex|markdown]",
        help=f"How to write the result; default: {default}.",
    )


format_option = _format_option("text on a terminal, JSON elsewhere and with -o")
#: Of commands for looking, which write text into pipes, too.
look_format_option = _format_option("text, and JSON with -o")

model_output_option = click.option(
    "-o", "--output-file", type=ModelFile(), help="Where to write; default: standard output."
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
    click.option("--analysis", metavar="NAME", help="Of HS3: which one; default: the first without Asimov data."),
    click.option("--data", metavar="NAME", help="Of a ROOT file: the data set that are the observed data."),
    click.option("--search", multiple=True, type=InputFolder(), help="Look for missing files by name below here."),
    click.option("--confine", is_flag=True, help="Read nothing outside the folder of the XML."),
    click.option("--asimov-if-missing", is_flag=True, help="Where XML has no data, take the nominal expectation."),
    click.option("--root-version", default="6.40", show_default=True, help="Whose meaning the XML has."),
    choice_option(
        "--normalize-by-theory",
        ("root", "intended"),
        "Whether NormalizeByTheory is without effect, as in ROOT since 6.22, or does what it once meant.",
    ),
)

measurement_option = click.option("--measurement", metavar="NAME", help="The only measurement that is wanted.")

#: Which model, where something else than data is written.
model_source = combined_options(
    file_argument,
    patch_option,
    click.option("--measurement", metavar="NAME", help="Which measurement; default: the first."),
    conventions_option(
        "How to evaluate what ROOT and pyhf evaluate differently; auto: XML as ROOT does, JSON as pyhf does."
    ),
    xml_options,
)
model_options = combined_options(output_option, model_source)


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
        analysis=options.pop("analysis"),
        data=options.pop("data"),
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
    loaded = load(file, patches=options.pop("patches"), xml=take_xml_options(options), use_sidecar=chosen == "root")
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


def input_files(file: str, patches: tuple[str, ...]) -> tuple[str, ...]:
    """The files of a model, for a provenance."""
    return tuple(name for name in (file, *patches) if name != "-")
