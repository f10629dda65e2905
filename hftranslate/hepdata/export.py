"""Likelihoods of a record as the tools of theorists take them: spey, SModelS, or tables of comma-separated values."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from hftranslate.display import csv_text
from hftranslate.errors import InputError
from hftranslate.formats import pyhf_json
from hftranslate.formats.json_text import dump_json
from hftranslate.hepdata.reproduce import Record, Region
from hftranslate.signal_grid.tasks import Background
from hftranslate.workspace import Workspace
from hftranslate.workspace.map import pois_of, signal_samples

Tool: TypeAlias = Literal["spey", "smodels", "csv"]
Files: TypeAlias = Iterator[tuple[str, bytes]]

#: The parameter that SModelS puts on every signal; it tests no other.
_SMODELS_POI = "mu_SIG"


def export(record: Record, tool: Tool) -> dict[str, bytes]:
    """The files for a tool, by their names; those of several regions in folders.

    Raises
    ------
    InputError
        A patch gives no valid model, or the tool cannot say what the model says.
    """
    made: Mapping[Tool, Callable[[Region], Files]] = {"spey": _spey, "smodels": _smodels, "csv": _csv}
    several = len(record.regions) > 1
    return {
        f"{region.name}/{name}" if several else name: data
        for region in record.regions
        for name, data in made[tool](region)
    }


def _patched(region: Region) -> Iterator[tuple[str, tuple[Any, ...], Any, Workspace]]:
    """Of each patch: name, values, operations, and the workspace with it."""
    background = Background(region.likelihood.document)
    for patch in region.patches:
        document = region.patches.apply(background.document, patch)
        workspace = pyhf_json.from_document(document, patch.name, known=background.known)
        yield patch.name, patch.values, patch.operations, workspace


def _signal(workspace: Workspace) -> dict[str, list[float]]:
    """The yields of all signals together in the bins of each channel that has some."""
    found: dict[str, list[float]] = {}
    for channel, sample in signal_samples(workspace):
        known = found.setdefault(channel.name, [0.0] * channel.n_bins)
        found[channel.name] = [a + float(b) for a, b in zip(known, sample.nominal, strict=True)]
    return found


def _spey(region: Region) -> Files:
    """What ``spey.get_backend("pyhf")`` takes: the background and a patch for each signal, with a list of them."""
    yield "background.json", dump_json(region.likelihood.document).encode()
    listed = []
    for name, values, operations, _ in _patched(region):
        yield f"patches/{name}.json", dump_json(operations).encode()
        point = dict(zip(region.patches.labels, values, strict=True))
        listed.append({"analysis": name, "signal_patch": f"patches/{name}.json", "point": point})
    yield "models.json", dump_json({"background_only_model": "background.json", "models": listed}).encode()


def _smodels(region: Region) -> Files:
    """What SModelS takes: the background, its regions mapped to channels, and the yields of each signal by region.

    SModelS scales every signal by ``mu_SIG`` and the luminosity ``lumi``, gives it no other uncertainty, and takes
    channels without signal away unless control regions are included; so says ``notes.txt``.
    """
    document = _in_order(region.likelihood.document)
    signals = {name: _signal(workspace) for name, _, _, workspace in _patched(region)}
    pois = pois_of(pyhf_json.from_document(document, region.name))
    if pois != {_SMODELS_POI}:
        told = ", ".join(sorted(pois)) or "none"
        raise InputError(f"{region.name}: SModelS tests {_SMODELS_POI} only; the parameter of interest here is {told}")
    with_signal = {channel for found in signals.values() for channel in found}
    regions: list[dict[str, str | None]] = []
    bins = {o["name"]: len(o["data"]) for o in document["observations"]}
    for channel, n in bins.items():
        kind = "SR" if channel in with_signal else "VR" if channel.upper().startswith("VR") else "CR"
        names = _regions_of(channel, n) if channel in with_signal else [None]
        regions += [{"smodels": name, "type": kind, "pyhf": name or channel} for name in names]
    file = "BkgOnly.json"
    yield file, dump_json(document).encode()
    yield "globalInfo.txt", f"jsonFiles: {json.dumps({file: regions})}\nincludeCRs: True\n".encode()
    for name, found in signals.items():
        yields = {
            one: value
            for channel in with_signal
            for one, value in zip(
                _regions_of(channel, bins[channel]), found.get(channel, [0.0] * bins[channel]), strict=True
            )
        }
        yield f"signals/{name}.json", dump_json(yields).encode()
    yield (
        "notes.txt",
        b"SModelS scales every signal by mu_SIG and by the luminosity (lumi), and leaves out all other\n"
        b"uncertainties of signals: where patches have some, or none of the luminosity, its limits are others.\n",
    )


def _in_order(document: dict[str, Any]) -> dict[str, Any]:
    """The workspace with its data in the order of the channels: SModelS takes the place of one for the other's."""
    data = {o["name"]: o for o in document["observations"]}
    return {**document, "observations": [data[c["name"]] for c in document["channels"]]}


def _regions_of(channel: str, n: int) -> list[str | None]:
    return [channel] if n == 1 else [f"{channel}[{i}]" for i in range(n)]


def _csv(region: Region) -> Files:
    """Tables of the channels and of the yields of signals in their bins."""
    workspace = pyhf_json.from_document(region.likelihood.document, region.name)
    rows: list[list[Any]] = [["channel", "bin", "observed", "sample", "expected"]]
    for c in workspace.channels:
        for i in range(c.n_bins):
            observed = None if c.observed is None else float(c.observed[i])
            rows += [[c.name, i, observed, s.name, float(s.nominal[i])] for s in c.samples]
    yield "background.csv", csv_text(rows).encode()
    cells = [(c.name, i) for c in workspace.channels for i in range(c.n_bins)]
    table: list[list[Any]] = [["name", *region.patches.labels, *(f"{c}[{i}]" for c, i in cells)]]
    for name, values, _, patched in _patched(region):
        found = _signal(patched)
        table.append([name, *values, *(found[c][i] if c in found else 0.0 for c, i in cells)])
    yield "signals.csv", csv_text(table).encode()
