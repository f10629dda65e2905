"""Commands that edit workspaces, and their digests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.common import (
    OutputFile,
    combined_options,
    emit,
    emit_text,
    file_argument,
    json_text,
    model_output_option,
    patch_option,
    read_once,
    report,
    take_xml_options,
    tell,
    tell_lines,
    xml_options,
)
from hftranslate.cli.paths import InputFile
from hftranslate.display import terminal
from hftranslate.editing import combine as combine_workspaces
from hftranslate.editing import consequences, set_aside
from hftranslate.editing import prune as prune_workspace
from hftranslate.editing import rename as rename_workspace
from hftranslate.editing import sort as sort_workspace
from hftranslate.editing.combining import JOINS, Join
from hftranslate.editing.negligible import Negligible, PruningEffect, negligible, pruning_effects, without
from hftranslate.errors import InputError
from hftranslate.formats.files import Content
from hftranslate.translation.as_json import ALGORITHMS, as_json, pyhf_digest
from hftranslate.translation.sidecar import canonical_digest, make_sidecar
from hftranslate.translation.translate import load, sidecar_path, to_xml, write_json, write_xml
from hftranslate.workspace import MODIFIER_TYPES, Workspace

Edit = Callable[[Workspace], Workspace]
#: So many pruned modifiers are listed on standard error.
_SHOWN = 20

#: Options of every command that writes an edited workspace.
_one_workspace = combined_options(file_argument, model_output_option, patch_option, xml_options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edited:
    """An edited workspace, the original that a sidecar restores, edited likewise, and where they go."""

    workspace: Workspace
    original: Workspace | None
    output_file: Path | None
    with_sidecar: bool


def _read(options: dict[str, Any]) -> _Edited:
    file, patches, output_file = options.pop("file"), options.pop("patches"), options.pop("output_file")
    loaded = load(file, patches=patches, xml=take_xml_options(options))
    report(loaded.outcomes)
    original = None
    if loaded.format == "pyhf-json" and not patches and file != "-" and sidecar_path(file).is_file():
        restored = load(file, use_sidecar=True)
        report(restored.outcomes)
        original = restored.workspace if restored.with_sidecar else None
    return _Edited(
        workspace=loaded.workspace,
        original=original,
        output_file=output_file,
        with_sidecar=original is not None or loaded.format != "pyhf-json",
    )


def _edited(edited: _Edited, edit: Edit) -> _Edited:
    """Both workspaces changed; what the user should know about that is told."""
    workspace, original = edit(edited.workspace), edited.original
    for sentence in consequences(edited.workspace, workspace):
        tell(f"note: {sentence}")
    if original is not None:
        try:
            original = edit(original)
        except InputError as error:
            tell(f"loss: what the sidecar holds cannot follow and is left out: {error}")
            original = None
    return replace(edited, workspace=workspace, original=original)


def _write(edited: _Edited, beside: Mapping[Path, Content] | None = None) -> None:
    """Write as JSON, or as XML where the output file says so, with a sidecar where there is something for it."""
    workspace, original, output_file = edited.workspace, edited.original, edited.output_file
    if output_file is not None and output_file.suffix.lower() == ".xml":
        xml = to_xml(workspace if original is None else original, prefix=output_file.stem)
        report(xml.outcomes)
        write_xml(xml, output_file.parent, sidecar=True, beside=beside)
        return
    written = as_json(workspace)
    if original is not None:
        written = replace(written, sidecar=make_sidecar(workspace, original))
    report(written.outcomes)
    if output_file is None or str(output_file) == "-":
        emit(written.document, None, beside=beside)
        if original is not None or any(o.kind == "carried" for o in written.outcomes):
            tell("no sidecar is written to standard output: what JSON cannot say is lost")
        return
    kept = sidecar_path(output_file) if edited.with_sidecar else None
    write_json(written, output_file, sidecar=kept, beside=beside)


def _names(*declarations: str, arity: int = 1, metavar: str, help: str) -> Callable[[Any], Any]:
    kind: Any = str if arity == 1 else (str,) * arity
    return click.option(*declarations, multiple=True, type=kind, metavar=metavar, help=help)


@click.command()
@_one_workspace
@_names("-c", "--channel", "channels", metavar="CHANNEL", help="Leave out a channel and its data; repeatable.")
@_names("-s", "--sample", "samples", metavar="SAMPLE", help="Leave out a sample everywhere; repeatable.")
@_names("-m", "--modifier", "modifiers", metavar="MODIFIER", help="Leave out a modifier and its settings; repeatable.")
@click.option(
    "-t",
    "--modifier-type",
    "modifier_types",
    multiple=True,
    type=click.Choice(sorted(MODIFIER_TYPES.values())),
    help="Leave out all modifiers of a type; repeatable.",
)
@_names("--measurement", "measurements", metavar="MEASUREMENT", help="Leave out a measurement; repeatable.")
@_names("--sample-in", "samples_in", arity=2, metavar="CHANNEL SAMPLE", help="Leave out a sample of one channel.")
@_names(
    "--modifier-in", "modifiers_in", arity=3, metavar="CHANNEL SAMPLE MODIFIER", help="Leave out a modifier there only."
)
@_names("--bin", "bins", arity=2, metavar="CHANNEL BIN", help="Leave out a bin, or FIRST-LAST, counted from 0.")
@click.option(
    "--negligible",
    "threshold",
    type=float,
    metavar="X",
    help="Leave out systematics that change no bin of a channel by more than this fraction of its nominal yield.",
)
@click.option("--report", "report_file", type=OutputFile(), help="What went, as JSON.")
def prune(threshold: float | None, report_file: Path | None, bins: tuple[tuple[str, str], ...], **options: Any) -> None:
    """Leave out parts of a workspace: by name as pyhf does, by place, by bin, or because they do not matter.

    What --negligible leaves out and what that does to the likelihood is told on standard error. The output is JSON, or
    XML with its histograms where the output file ends in .xml.
    """
    places = ("channels", "samples", "modifiers", "modifier_types", "measurements", "samples_in", "modifiers_in")
    chosen = {name: options.pop(name) for name in places}
    ranges = [(channel, *_range(channel, text)) for channel, text in bins]
    if threshold is None and report_file is not None:
        raise click.UsageError("--report belongs to --negligible")
    edited = _edited(_read(options), lambda ws: prune_workspace(ws, bins=_bins(ws, ranges), **chosen))
    said: dict[str, object] = {}
    if threshold is not None:
        edited, said = _without_negligible(edited, threshold)
    if report_file is not None and str(report_file) == "-":
        emit(said, None)
        report_file = None
    _write(edited, None if report_file is None else {report_file: json_text(said)})


def _without_negligible(edited: _Edited, threshold: float) -> tuple[_Edited, dict[str, object]]:
    found = negligible(edited.workspace, threshold)
    pruned = _edited(edited, lambda ws: without(ws, found))
    effects = pruning_effects(edited.workspace, pruned.workspace)
    tell_lines(_pruned_text(found, effects, threshold))
    return pruned, _pruned_document(found, effects, threshold)


def _range(channel: str, text: str) -> tuple[int, int]:
    first, separator, last = text.partition("-")
    if not first.isdecimal() or not (last.isdecimal() if separator else True) or len(text) > 20:
        raise InputError(f"--bin {channel} {text}: expected a number or FIRST-LAST, counted from 0")
    return int(first), int(last or first)


def _bins(workspace: Workspace, ranges: list[tuple[str, int, int]]) -> list[tuple[str, int]]:
    """Every bin of the ranges, up to the first one that the channel does not have."""
    return [
        (channel, i)
        for channel, first, last in ranges
        for i in range(first, min(last, max(first, workspace.channel(channel).n_bins)) + 1)
    ]


def _pruned_text(found: tuple[Negligible, ...], effects: tuple[PruningEffect, ...], threshold: float) -> str:
    lines = [
        f"{len(found)} modifier(s) change no bin of their channel by more than {threshold:g} of its yield: left out"
    ]
    largest = sorted(found, key=lambda n: -n.effect)
    lines += [f"  {n.effect:8.2g}  {n.channel}, {n.sample}: {n.word} {n.modifier}" for n in largest[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more with smaller effects (--report FILE lists them all)")
    gone = effects[0].parameters_gone
    lines.append(f"{len(gone)} parameter(s) are no longer there" + (f": {', '.join(gone)}" if gone else ""))
    for e in effects:
        nll = "not evaluated" if e.nll is None else f"{e.nll:.2g}"
        cls = "not evaluated" if e.cls is None else f"{e.cls:.2g}"
        lines.append(
            f"measurement {e.measurement!r}: largest change of the NLL within 3 sigma {nll}, change of CLs(1) {cls}"
        )
    return "\n".join(map(terminal, lines))


def _pruned_document(
    found: tuple[Negligible, ...], effects: tuple[PruningEffect, ...], threshold: float
) -> dict[str, object]:
    return {
        "threshold": threshold,
        "pruned": [
            {"channel": n.channel, "sample": n.sample, "modifier": n.modifier, "type": n.word, "effect": n.effect}
            for n in found
        ],
        "parameters_gone": list(effects[0].parameters_gone),
        "effects": [{"measurement": e.measurement, "nll": e.nll, "cls": e.cls} for e in effects],
    }


@click.command()
@_one_workspace
@_names("-c", "--channel", "channels", arity=2, metavar="OLD NEW", help="Rename a channel; repeatable.")
@_names("-s", "--sample", "samples", arity=2, metavar="OLD NEW", help="Rename a sample everywhere; repeatable.")
@_names("-m", "--modifier", "modifiers", arity=2, metavar="OLD NEW", help="Rename a modifier, its parameter too.")
@_names("--measurement", "measurements", arity=2, metavar="OLD NEW", help="Rename a measurement; repeatable.")
def rename(**options: Any) -> None:
    """Give channels, samples, modifiers with their parameters, and measurements other names.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    kinds = ("channels", "samples", "modifiers", "measurements")
    names = {kind: dict(options.pop(kind)) for kind in kinds}
    _write(_edited(_read(options), lambda ws: rename_workspace(ws, **names)))


@click.command()
@_one_workspace
def sort(**options: Any) -> None:
    """Put channels, samples, modifiers, measurements, settings and observations in alphabetical order.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    _write(_edited(_read(options), sort_workspace))


@click.command()
@click.argument("first", default="-", type=InputFile())
@click.argument("second", default="-", type=InputFile())
@model_output_option
@click.option(
    "-j",
    "--join",
    type=click.Choice(JOINS),
    default="none",
    show_default=True,
    help="What may be in both: nothing; what is equal; anything, of which the first's or the second's is kept.",
)
@click.option("--merge-channels/--no-merge-channels", default=False, help="Join the samples of channels in both.")
@xml_options
def combine(
    first: str, second: str, output_file: Path | None, join: Join, merge_channels: bool, **options: Any
) -> None:
    """Put two workspaces into one; modifiers of the same name share their parameter.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    read_once(first, second)
    xml = take_xml_options(options)
    one, two = load(first, xml=xml), load(second, xml=xml)
    for file, loaded in ((first, one), (second, two)):
        report(loaded.outcomes)
        if file != "-" and sidecar_path(file).is_file():
            tell(f"{sidecar_path(file)} is not used: a sidecar belongs to one workspace")
    both = combine_workspaces(one.workspace, two.workspace, join=join, merge_channels=merge_channels)
    for sentence in set_aside(one.workspace, two.workspace, both):
        tell(f"loss: {sentence}")
    for sentence in consequences(one.workspace, both):
        tell(f"note: {sentence}")
    from_root = {one.format, two.format} != {"pyhf-json"}
    _write(_Edited(workspace=both, original=None, output_file=output_file, with_sidecar=from_root))


@click.command()
@file_argument
@click.option(
    "-a",
    "--algorithm",
    "algorithms",
    multiple=True,
    default=["sha256"],
    show_default=True,
    metavar="NAME",
    help=f"Which digest; repeatable: {', '.join(ALGORITHMS)}.",
)
@click.option("-j/-p", "--json/--plaintext", "as_json_object", default=False, help="A JSON object, or lines of text.")
@click.option("--canonical", is_flag=True, help="Also one that is the same for any order and for 50 and 50.0 (sha256).")
@click.option(
    "--patch", "patches", multiple=True, type=InputFile(), metavar="PATCH.json", help="JSON patch, or -; repeatable."
)
@click.option("-o", "--output-file", type=OutputFile(), help="Where to write.")
@xml_options
def digest(
    file: str,
    algorithms: tuple[str, ...],
    as_json_object: bool,
    canonical: bool,
    patches: tuple[str, ...],
    output_file: Path | None,
    **options: Any,
) -> None:
    """The digest of a workspace, as 'pyhf digest' gives it; of XML, that of the JSON it translates to.

    It depends on the order of everything and on whether a number is written 50 or 50.0; the canonical one does not.
    """
    loaded = load(file, patches=patches, xml=take_xml_options(options))
    report(loaded.outcomes)
    digests = {algorithm: pyhf_digest(loaded.workspace, algorithm) for algorithm in algorithms}
    if canonical:
        digests["canonical"] = canonical_digest(loaded.workspace)
    if as_json_object:
        emit(dict(sorted(digests.items())), output_file)
    else:
        emit_text("".join(f"{name}:{value}\n" for name, value in digests.items()), output_file)
