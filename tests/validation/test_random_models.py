"""Random measurements, evaluated by real ROOT and by us; and, without ROOT, whether the judge sees what is wrong."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftranslate.formats.root_histograms import Histogram, write_histograms
from validation.random_models.compare import Verdict, read, verdict
from validation.random_models.files import documents, write_documents
from validation.random_models.minimise import minimised
from validation.random_models.recipes import recipe
from validation.random_models.run import run
from validation.random_models.workspaces import workspace

SEEDS = range(1, 301)
BATCH = 50


@pytest.mark.root
@pytest.mark.parametrize("first", range(SEEDS.start, SEEDS.stop, BATCH))
def test_root_and_we_agree_about_random_measurements(warm_root: str, first: int) -> None:
    found = list(run(warm_root, range(first, first + BATCH)))
    assert [(c.seed, c.verdict) for c in found if c.verdict.kind == "differ"] == []
    assert sum(c.verdict.kind == "agree" for c in found) > 0.75 * BATCH


@pytest.mark.root
@pytest.mark.parametrize("first", [1, 51])
def test_root_and_we_agree_about_xml_made_of_random_workspaces(warm_root: str, first: int) -> None:
    found = list(run(warm_root, range(first, first + BATCH), "json"))
    assert [(c.seed, c.verdict) for c in found if c.verdict.kind == "differ"] == []
    assert sum(c.verdict.kind == "agree" for c in found) > 0.9 * BATCH


# ----------------------------------------------------------------------------------------------------- the judge itself
def plain(seed: int, folder: Path) -> dict[str, Any]:
    """The files of a recipe with nothing odd in it, without ROOT; what ROOT would say if it agreed."""
    made = recipe(seed)
    histograms = {
        name: Histogram(
            contents=tuple(h["contents"]), errors=tuple(h["errors"] or ()) or None, edges=(tuple(h["edges"]),)
        )
        for name, h in write_documents(made, folder).items()
    }
    write_histograms(folder / "data.root", histograms)
    ours = read(folder)
    p = ours.model.parameters
    moved = {n: round(float(v) + 0.01, 6) for n, v, f in zip(ours.names, p.init, p.fixed, strict=True) if not f}
    points = []
    for values in ({}, moved):
        theta = np.array([values.get(n, v) for n, v in zip(ours.names, p.init, strict=True)])
        rows = ours.model.sample_rates(theta).to_list()
        yields = {
            c.name: dict(zip([s.name for s in c.samples], row, strict=True))
            for c, row in zip(ours.workspace.channels, rows, strict=True)
        }
        points.append({"values": values, "yields": yields, "nll": ours.model.nll(theta, ours.data)})
    ends = [[float(x) if np.isfinite(x) else None for x in pair] for pair in p.bounds]
    start, data = 0, {}
    for name, n in ours.model.channels:
        data[name], start = ours.data.observed[start : start + n].tolist(), start + n
    return {
        "pois": [ours.names[p.names.index(n)] for n in p.poi_names if n in p.names],
        "parameters": {
            n: [float(v), *e, bool(f)] for n, v, e, f in zip(ours.names, p.init, ends, p.fixed, strict=True)
        },
        "acting": list(ours.names),
        "data": data,
        "points": points,
    }


#: A recipe without oddities, of two channels.
SEED = 23
#: And one with a systematic JES.
SEED_WITH_SYSTEMATIC = 2


def test_recipes_are_the_same_for_the_same_seed() -> None:
    assert recipe(7) == recipe(7) != recipe(8)
    assert workspace(7) == workspace(7) != workspace(8)
    texts, histograms = documents(recipe(7))
    assert (texts, histograms) == documents(recipe(7))


def test_agreement(tmp_path: Path) -> None:
    found = verdict(plain(SEED, tmp_path), tmp_path)
    assert found.kind == "agree", found


def changed(answer: dict[str, Any], what: str) -> None:
    row = next(r for rows in answer["points"][1]["yields"].values() for r in rows.values() if r[0] > 0.0)
    match what:
        case "value of a parameter":
            answer["parameters"]["mu"][0] += 1e-3
        case "upper end of the range of a parameter":
            answer["parameters"]["mu"][2] = 7.0
        case "constant of a parameter":
            answer["parameters"]["mu"][3] = not answer["parameters"]["mu"][3]
        case "a parameter is missing":
            answer["acting"].append("gamma_x_bin_0")
        case "a parameter too many":
            del answer["parameters"]["mu"]
        case "parameters of interest":
            answer["pois"].append("nu")
        case "data":
            next(iter(answer["data"].values()))[0] += 1.0
        case "yields":
            row[np.argmax(row)] *= 1.0 + 3e-9
        case "NLL":
            answer["points"][1]["nll"] *= 1.0 + 3e-9


@pytest.mark.parametrize(
    "what",
    [
        "value of a parameter",
        "upper end of the range of a parameter",
        "constant of a parameter",
        "a parameter is missing",
        "a parameter too many",
        "parameters of interest",
        "data",
        "yields",
        "NLL",
    ],
)
def test_differences_are_seen(tmp_path: Path, what: str) -> None:
    answer = plain(SEED, tmp_path)
    changed(answer, what)
    found = verdict(answer, tmp_path)
    assert (found.kind, found.what) == ("differ", what)
    assert found.where


def test_constraints_beyond_numbers_are_not_compared(tmp_path: Path) -> None:
    """ROOT's logarithm of a probability of 1e-320 has three digits: the NLL says nothing there, and yields still do."""
    answer, systematic = plain(SEED_WITH_SYSTEMATIC, tmp_path), "alpha_JES"
    ours = read(tmp_path)
    for far, kind in ((3.0, "differ"), (40.0, "agree")):
        theta = ours.model.parameters.init.copy()
        theta[ours.names.index(systematic)] = far
        yields = ours.model.sample_rates(theta).to_list()
        rows = {
            c.name: dict(zip([s.name for s in c.samples], row, strict=True))
            for c, row in zip(ours.workspace.channels, yields, strict=True)
        }
        nll = 1.0 + ours.model.nll(theta, ours.data)
        answer["points"] = [{"values": {systematic: far}, "yields": rows, "nll": nll}]
        assert verdict(answer, tmp_path).kind == kind


def test_refusals(tmp_path: Path) -> None:
    answer = plain(SEED, tmp_path)
    assert verdict({"refused": "no"}, tmp_path) == Verdict(kind="only ROOT refuses", what="no")
    (tmp_path / "channel_0.xml").write_text("<Channel")
    assert verdict(answer, tmp_path).kind == "only we refuse"
    assert verdict({"refused": "no"}, tmp_path).kind == "both refuse"


def test_the_smallest_recipe() -> None:
    """Of a recipe with a fault in one modifier nothing else is left."""
    made = recipe(SEED)
    made["channels"][-1]["samples"][-1]["modifiers"].append({"type": "ShapeFactor", "name": "bad"})

    def shows(candidate: dict[str, Any]) -> bool:
        return any(m.get("name") == "bad" for c in candidate["channels"] for s in c["samples"] for m in s["modifiers"])

    before = copy.deepcopy(made)
    left = minimised(made, shows, most=2000)
    assert made == before
    assert [len(c["samples"]) for c in left["channels"]] == [1]
    (sample,) = left["channels"][0]["samples"]
    assert [m["name"] for m in sample["modifiers"]] == ["bad"]
    assert len(sample["histogram"]["contents"]) == 1
    assert left["measurement"]["settings"] == left["measurement"]["terms"] == left["functions"] == []
    of_json = minimised(workspace(SEED), lambda w: bool(w["channels"]), most=2000)
    assert [(len(c["samples"]), c["samples"][0]["modifiers"]) for c in of_json["channels"]] == [(1, [])]
    assert len(of_json["observations"]) == 1
