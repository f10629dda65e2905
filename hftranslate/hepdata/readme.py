"""The README of a likelihood archive, written from the models, and the facts that a README states."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hftranslate.display import markdown, markdown_code
from hftranslate.doctor.inspect import summary
from hftranslate.hepdata.regions import Region
from hftranslate.signal_grid import PatchSet, digest
from hftranslate.workspace.map import signal_samples

Rows: TypeAlias = tuple[tuple[str, ...], ...]

#: A cell of a table and the line that ends it; after a backslash anything is itself.
_CELL = re.compile(r"((?:[^|\\]|\\.)*)\|")


def readme(regions: Sequence[Region], title: str = "Likelihoods") -> str:
    """What is in the archive and how to use it: files, channels, samples, parameters, signals, commands."""
    lines = [
        f"# {markdown(title)}",
        "",
        "Statistical models in the HistFactory JSON format (CERN-OPEN-2012-016; schema 1.0.0 of pyhf): the expected "
        "and observed events of all channels with every uncertainty, and the signals as JSON patches (RFC 6902).",
        "",
        "## Files",
        "",
    ]
    for region in regions:
        of = f" of region {region.name}" if region.name else ""
        lines.append(f"- `{region.folder}{region.file}`: the {_what(region)}{of}")
        for file, patches in region.patchsets.items():
            which = f" {patches.description}" if len(region.patchsets) > 1 and patches.description else ""
            lines.append(f"- `{region.folder}{file}`: the patch set{of}: {_signals(patches)}{markdown(which)}")
    for region in regions:
        lines += ["", f"## Region {region.name}" if region.name else "## Model", "", *_model(region)]
    notes = [f"- {f'{r.name}: ' if r.name else ''}{markdown(note)}" for r in regions for note in r.notes]
    if notes:
        lines += ["", "## Conversion", "", "The models were translated to this format; what that changed:", "", *notes]
    lines += ["", "## How to use it", "", *_usage(regions[0])]
    return "\n".join(lines) + "\n"


def _what(region: Region) -> str:
    if region.patchsets:
        return "background-only workspace"
    signals = ", ".join(dict.fromkeys(s.name for _, s in signal_samples(region.workspace)))
    return f"full workspace, with its signal in it ({markdown_code(signals)})" if signals else "workspace"


def _signals(patches: PatchSet) -> str:
    return f"{len(patches)} signal{'' if len(patches) == 1 else 's'} in {', '.join(patches.labels)}"


def _model(region: Region) -> list[str]:
    facts = summary(region.workspace)
    lines = []
    for m in facts["measurements"]:
        pois = ", ".join(map(markdown_code, m["pois"])) or "none"
        lines.append(f"- measurement {markdown_code(m['name'])}, parameter of interest: {pois}")
    lines.append(f"- sha256 of `{region.folder}{region.file}` (as `pyhf digest` gives it): `{digest(region.document)}`")
    for file, patches in region.patchsets.items():
        of = f" in `{file}`" if len(region.patchsets) > 1 else ""
        lines += [f"- signals: {len(patches)}{of}", *_naming(patches)]
    channels = [
        (c["name"], str(c["bins"]), "none" if c["observed"] is None else f"{c['observed']:g}", ", ".join(c["samples"]))
        for c in facts["channels"]
    ]
    parameters = [(p["name"], ", ".join(p["modifiers"]) or p["kind"], str(p["size"])) for p in facts["parameters"]]
    total = sum(p["size"] for p in facts["parameters"])
    return [
        *lines,
        "",
        "### Channels",
        "",
        *_table(("channel", "bins", "observed events", "samples"), channels),
        "",
        "### Parameters",
        "",
        f"{len(parameters)} sets with {total} parameters in all.",
        "",
        *_table(("parameter", "modifiers", "size"), parameters),
    ]


def _naming(patches: PatchSet) -> list[str]:
    first = patches.patches[0]
    point = ", ".join(markdown(f"{label} = {value}") for label, value in zip(patches.labels, first.values, strict=True))
    lines = [f"- names of signals, for example `{first.name}`: {point}"]
    for i, label in enumerate(patches.labels):
        numbers = [p.values[i] for p in patches if not isinstance(p.values[i], str)]
        if len(numbers) == len(patches):
            low, high = min(map(float, numbers)), max(map(float, numbers))
            lines.append(f"- {label} from {low:g} to {high:g}")
    return lines


def _usage(region: Region) -> list[str]:
    workspace = f"{region.folder}{region.file}"
    if not region.patchsets:
        return _block(f"hftranslate inspect {workspace}", f"hftranslate cls {workspace}", f"pyhf cls {workspace}")
    file, patches = next(iter(region.patchsets.items()))
    patchset, name = f"{region.folder}{file}", patches.patches[0].name
    poi = next(iter(region.workspace.measurements[0].pois), "the parameter of interest")
    return [
        "With hftranslate:",
        "",
        *_block(
            f"hftranslate patchset verify {workspace} {patchset}",
            f"hftranslate patchset extract {patchset} --name {name} --output-file {name}.json",
            f"hftranslate cls {workspace} --patch {name}.json",
            f"hftranslate limit {workspace} --patch {name}.json",
            f"hftranslate patchset scan {workspace} {patchset} --workers 4 --output-file scan.json",
        ),
        "",
        "With pyhf:",
        "",
        *_block(
            f"pyhf patchset verify {workspace} {patchset}",
            f"pyhf patchset extract {patchset} --name {name} --output-file {name}.json",
            f"pyhf cls {workspace} --patch {name}.json",
        ),
        "",
        f"The background-only workspace alone has no signal: {markdown_code(poi)} does nothing in it, and observed and "
        "expected CLs mean nothing without a patch.",
    ]


def _block(*commands: str) -> list[str]:
    return ["```", *commands, "```"]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(markdown(cell) or " " for cell in row) + " |" for row in rows]


# --------------------------------------------------------------------------------------------------------------- facts
@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a README written by :func:`readme` states about one region."""

    channels: Rows = field(default=())
    parameters: Rows = field(default=())
    statements: tuple[str, ...] = field(default=())


def facts(text: str) -> dict[str, Facts]:
    """The facts that a README states, by region (empty name: the only one); none in one of another form."""
    found: dict[str, Facts] = {}
    for name, body in _sections(text):
        tables = [_rows(part) for part in re.split(r"^### .*$", body, flags=re.MULTILINE)[1:]]
        statements = tuple(
            line[2:] for line in body.splitlines() if line.startswith(("- measurement ", "- sha256 of ", "- signals: "))
        )
        if len(tables) == 2:
            found[name] = Facts(channels=tables[0], parameters=tables[1], statements=statements)
    return found


def _sections(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return [
        ("" if title == "Model" else title.removeprefix("Region "), body)
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
        if title == "Model" or title.startswith("Region ")
    ]


def _rows(text: str) -> Rows:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return tuple(
        tuple(html.unescape(re.sub(r"\\(.)", r"\1", c.strip())) for c in _CELL.findall(line.removeprefix("|")))
        for line in lines[1:]
    )
