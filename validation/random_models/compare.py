"""What ROOT says about a random measurement, against what we read in the same files."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from hftranslate.crosscheck.verify_with_root import partners
from hftranslate.difference.alignment import align
from hftranslate.difference.likelihoods import same_rules
from hftranslate.errors import InputError
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.translation.load import load
from hftranslate.translation.write import to_xml, write_xml
from hftranslate.workspace import ROOT, Workspace

Json = dict[str, Any]
Floats = NDArray[np.float64]
#: Relative, of yields and of the NLL (absolute below one).
TOLERANCE = 1e-9
#: Yields below this fraction of the largest in their channel are compared as if they were as large: they are rounded
#: differences of larger numbers.
_SMALLEST = 1e-6
#: What ROOT loses, relative to the logarithms of Poisson terms of many counts that it takes from each other.
_ROUNDING = 2e-15
#: ROOT normalises Gamma terms by a numerical integral.
GAMMA_TOLERANCE = 1e-4
#: ROOT takes the logarithm of a constraint's probability, which loses its digits below the smallest normal number.
_UNLIKELY = -float(np.log(np.finfo(np.float64).tiny))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one measurement.

    Attributes
    ----------
    kind
        ``agree``, ``differ``, ``both refuse``, ``only ROOT refuses``, ``only we refuse``.
    what
        for a difference its kind, for a refusal the reason.
    where
        the first place of the difference.
    size
        the largest difference of yields and NLL, relative.
    """

    kind: str
    what: str = ""
    where: str = ""
    size: float = 0.0


#: What the reader says of a parameter that it cannot call as ROOT does, because pyhf's names have no prefixes.
_CALLED = re.compile(r"^rewrite: (systematic|bin factor) '(.+)': .* it is called '(.+)' here")
_PREFIX = {"systematic": "alpha_|beta_", "bin factor": "gamma_"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The measurement as we read it, and ROOT's names of its parameters.

    ``incomplete`` where it has no data and nothing is expected in a bin: ROOT leaves such bins out of its Asimov data,
    and so out of the likelihood.
    """

    workspace: Workspace
    model: Model
    data: Data
    names: tuple[str, ...]
    incomplete: bool


def read(folder: Path) -> Ours:
    """The measurement of a folder, with ROOT's Asimov data where it has none."""
    loaded = load(folder / "top.xml", xml=XmlOptions(basedir=folder, asimov_if_missing=True))
    model, data = compile_model(loaded.workspace)
    names = model.parameters.root_names
    for kind, old, new in (m.groups() for o in loaded.outcomes if (m := _CALLED.match(str(o)))):
        name = re.compile(rf"({_PREFIX[kind]}){re.escape(new)}(_bin_.*)?")
        names = tuple(m[1] + old + (m[2] or "") if (m := name.fullmatch(n)) else n for n in names)
    without_data = any("<Data" not in path.read_text(encoding="utf-8") for path in folder.glob("channel_*.xml"))
    incomplete = without_data and bool(np.any(data.observed == 0.0))
    return Ours(workspace=loaded.workspace, model=model, data=data, names=names, incomplete=incomplete)


def verdict(theirs: Json, folder: Path) -> Verdict:
    """The measurement of a folder, about which ROOT has spoken."""
    refused = theirs.get("refused")
    try:
        ours = read(folder)
    except InputError as error:
        why = str(error).replace(f"{folder}/", "")
        return Verdict(kind="only we refuse" if refused is None else "both refuse", what=why)
    except Exception as error:  # a fault of ours, to be found here
        return Verdict(kind="differ", what="internal error", where=f"{type(error).__name__}: {error}", size=np.inf)
    if refused is not None:
        return Verdict(kind="only ROOT refuses", what=refused)
    return compared(theirs, ours)


def compared(theirs: Json, ours: Ours) -> Verdict:
    """The first difference: parameters, data, yields, NLL."""
    workspace, model, data, names = ours.workspace, ours.model, ours.data, ours.names
    for what, where in (*_parameters(theirs, ours), *_data(theirs, model, data)):
        return Verdict(kind="differ", what=what, where=where, size=np.inf)
    gamma = any(t.kind == "gamma" for t in workspace.measurements[0].constraint_terms)
    counts = np.abs(np.maximum(data.auxdata, 1.0))
    rounding = _ROUNDING * float(np.sum(counts * np.log(counts)))
    worst = Verdict(kind="agree")
    for point in theirs["points"]:
        theta = model.parameters.init.copy()
        for name, value in point["values"].items():
            if name in names:
                theta[names.index(name)] = value
        size, where = _yields(point["yields"], workspace, model, theta)
        if size > max(TOLERANCE, worst.size):
            worst = Verdict(kind="differ", what="yields", where=where, size=size)
        if worst.what == "yields" or point["nll"] is None or ours.incomplete or _beyond_numbers(model, data, theta):
            continue
        mine = model.nll(theta, data)
        size = max(abs(mine - point["nll"]) - rounding, 0.0) / max(1.0, abs(point["nll"]))
        if not size <= max(GAMMA_TOLERANCE if gamma else TOLERANCE, worst.size):
            where = f"{mine!r} instead of {point['nll']!r} at {point['values'] or 'the start'}"
            worst = Verdict(kind="differ", what="NLL", where=where, size=size)
        elif worst.kind == "agree" and not gamma:
            worst = Verdict(kind="agree", size=max(size, worst.size))
    return worst


def _beyond_numbers(model: Model, data: Data, theta: Floats) -> bool:
    """Whether a constraint term is so unlikely that ROOT's probability of it is no normal number."""
    c = model.constraints
    pull = (data.auxdata[c.gauss_aux] - theta[c.gauss_parameter]) / c.width
    gauss = 0.5 * pull**2 + np.log(c.width)
    x, mean = data.auxdata[c.poisson_aux], theta[c.poisson_parameter] * c.scale
    poisson = mean - xlogy(x, mean) + gammaln(x + 1.0)
    return bool(np.any(gauss > _UNLIKELY) or np.any(poisson > _UNLIKELY))


def _parameters(theirs: Json, ours: Ours) -> list[tuple[str, str]]:
    p = ours.model.parameters
    mine = {
        name: [float(p.init[i]), _end(p.bounds[i, 0]), _end(p.bounds[i, 1]), bool(p.fixed[i])]
        for i, name in enumerate(ours.names)
    }
    one = theirs["parameters"].get("Lumi", [0.0])
    left_out = {"Lumi"} if one[0] == 1.0 and one[3] else set()  # a constant factor of one
    found = [("a parameter is missing", name) for name in theirs["acting"] if name not in mine.keys() | left_out]
    found += [("a parameter too many", name) for name in mine if name not in theirs["parameters"]]
    words = ("value", "lower end of the range", "upper end of the range", "constant")
    for name in mine.keys() & theirs["parameters"].keys():
        for word, one, two in zip(words, mine[name], theirs["parameters"][name], strict=True):
            if one != two and not _close(one, two):
                found.append((f"{word} of a parameter", f"{name}: {one} instead of {two}"))
    pois = [ours.names[p.names.index(name)] for name in p.poi_names if name in p.names]
    if pois != theirs["pois"]:
        found.append(("parameters of interest", f"{pois} instead of {theirs['pois']}"))
    return sorted(found)


def _end(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def _close(one: object, two: object) -> bool:
    return isinstance(one, float) and isinstance(two, float) and bool(np.isclose(one, two, rtol=1e-12, atol=0.0))


def _data(theirs: Json, model: Model, data: Data) -> list[tuple[str, str]]:
    start = 0
    for name, n in model.channels:
        mine = data.observed[start : start + n]
        start += n
        if not np.allclose(mine, theirs["data"].get(name, []), rtol=1e-12, atol=0.0):
            return [("data", f"channel {name!r}: {mine.tolist()} instead of {theirs['data'].get(name)}")]
    return []


def _yields(
    theirs: Mapping[str, Mapping[str, Sequence[float]]], workspace: Workspace, model: Model, theta: Any
) -> tuple[float, str]:
    """The largest relative difference of what is expected in a bin, and where it is."""
    worst, where = 0.0, ""
    for channel, rates in zip(workspace.channels, model.sample_rates(theta).to_list(), strict=True):
        rows = theirs.get(channel.name, {})
        pairs = [(s.name, r, rows[s.name]) for s, r in zip(channel.samples, rates, strict=True) if s.name in rows]
        totals = [[sum(bins) for bins in zip(*table, strict=True)] for table in (rates, rows.values())]
        pairs.append(("all samples", totals[0], totals[1]))
        floor = max((_SMALLEST * abs(y) for y in totals[1]), default=0.0)
        for sample, mine, yours in pairs:
            size, place = _largest(mine, yours, floor)
            if not size <= worst:
                worst, where = size, f"channel {channel.name!r}, {sample!r}, {place}"
    return worst, where


# ------------------------------------------------------------------------------------------- JSON, and XML made of it
def written(document: Json, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Translate a workspace to XML in a folder.

    Returns
    -------
    tuple
        what its parameters are called there, and what the channels there are called in the workspace.
    """
    (folder / "workspace.json").write_text(json.dumps(document), encoding="utf-8")
    first = load(folder / "workspace.json")
    translation = to_xml(first.workspace, measure=False)
    write_xml(translation, folder, sidecar=False)
    second = load(folder / "FitConfig.xml", xml=XmlOptions(basedir=folder))
    announced = [o.renamed for o in translation.outcomes if o.renamed is not None]
    alignment = align(first.workspace, second.workspace, across=True, announced=announced)
    measurements = (first.workspace.measurements[0], second.workspace.measurements[0])
    names = partners((first, measurements[0]), (second, measurements[1]), alignment)
    return names, dict(alignment.channels)


def verdict_of_pair(theirs: Json, folder: Path, channels: Mapping[str, str]) -> Verdict:
    """A workspace in the folder: what we make of the JSON, and what ROOT makes of it and of our XML."""
    if "refused" in theirs:
        return Verdict(kind="only ROOT refuses", what=theirs["refused"])
    if theirs["alone"]:
        return Verdict(kind="differ", what="free in one of them only", where=", ".join(theirs["alone"]), size=np.inf)
    workspace = load(folder / "workspace.json").workspace
    model, data = compile_model(workspace, conventions=same_rules(ROOT, workspace.conventions))
    names = model.parameters.names
    worst = Verdict(kind="agree")
    base: tuple[float, ...] | None = None
    for point in theirs["points"]:
        theta = model.parameters.init.copy()
        for name, value in point["values"].items():
            theta[names.index(name)] = value
        rates, start, mine = model.rates(theta), 0, {}
        for name, n in model.channels:
            mine[name], start = rates[start : start + n].tolist(), start + n
        for side in ("original", "translation"):
            for name, yours in point[side]["yields"].items():
                size, where = _largest(mine[channels.get(name, name) if side == "translation" else name], yours)
                if size > max(TOLERANCE, worst.size):
                    where = f"{side}, channel {name!r}, {where} at {point['label']}"
                    worst = Verdict(kind="differ", what=f"yields of the {side}", where=where, size=size)
        if worst.what.startswith("yields") or None in (point["original"]["nll"], point["translation"]["nll"]):
            continue
        values = (model.nll(theta, data), point["original"]["nll"], point["translation"]["nll"])
        base = values if base is None else base
        changes = [value - first for value, first in zip(values, base, strict=True)]
        for side, change in zip(("original", "translation"), changes[1:], strict=True):
            size = abs(changes[0] - change) / max(1.0, abs(values[0]))
            if size > max(TOLERANCE, worst.size):
                where = f"{side}: {changes[0]!r} instead of {change!r} at {point['label']}"
                worst = Verdict(kind="differ", what=f"NLL of the {side}", where=where, size=size)
            elif worst.kind == "agree":
                worst = Verdict(kind="agree", size=max(size, worst.size))
    return worst


def _largest(mine: Sequence[float], theirs: Sequence[float], floor: float = 0.0) -> tuple[float, str]:
    """The largest difference of two rows, relative to a bin, but at least to ``floor``, and where it is."""
    worst, where = 0.0, ""
    floor = max([floor, 1e-300, *(_SMALLEST * abs(y) for y in theirs)])
    for i, (x, y) in enumerate(zip(mine, theirs, strict=True)):
        size = abs(x - y) / max(abs(y), floor) if x != y else 0.0
        if not size <= worst:
            worst, where = size, f"bin {i}: {x!r} instead of {y!r}"
    return worst, where
