"""Many random measurements, one after the other."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hftranslate.errors import InputError
from validation.random_models.compare import Verdict, verdict, verdict_of_pair, written
from validation.random_models.files import write_documents
from validation.random_models.minimise import minimised
from validation.random_models.recipes import recipe
from validation.random_models.root_process import RootProcess
from validation.random_models.workspaces import workspace

Json = dict[str, Any]
POINTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A recipe and what came of it."""

    seed: int
    recipe: Json
    verdict: Verdict


def judge(root: RootProcess, seed: int, made: Json) -> Case:
    """What comes of a recipe."""
    with tempfile.TemporaryDirectory(prefix="random-models-") as name:
        folder = Path(name)
        histograms = write_documents(made, folder)
        answer = root.ask({"folder": name, "histograms": histograms, "seed": seed, "points": POINTS})
        return Case(seed=seed, recipe=made, verdict=verdict(answer, folder))


def judge_workspace(root: RootProcess, seed: int, document: Json) -> Case:
    """What comes of a pyhf workspace and the XML that we make of it."""
    with tempfile.TemporaryDirectory(prefix="random-models-") as name:
        folder = Path(name)
        try:
            names, channels = written(document, folder)
        except InputError as error:
            return Case(seed=seed, recipe=document, verdict=Verdict(kind="only we refuse", what=str(error)))
        task = {"folder": name, "workspace": "workspace.json", "driver": "FitConfig.xml", "names": names}
        found = verdict_of_pair(root.ask(task), folder, channels)
        return Case(seed=seed, recipe=document, verdict=found)


def judge_any(root: RootProcess, seed: int, made: Json) -> Case:
    """What comes of a recipe or of a workspace."""
    return (judge_workspace if "observations" in made else judge)(root, seed, made)


def run(python: str, seeds: Iterable[int], kind: str = "xml") -> Iterator[Case]:
    """The random measurements of these seeds (``xml``), or the random workspaces (``json``)."""
    with RootProcess(python) as root:
        for seed in seeds:
            yield judge_any(root, seed, recipe(seed) if kind == "xml" else workspace(seed))


def smallest(python: str, case: Case) -> Case:
    """The case with nothing in it that its difference does not need."""
    with RootProcess(python) as root:

        def shows(candidate: Json) -> bool:
            found = judge_any(root, case.seed, candidate).verdict
            return (found.kind, found.what) == (case.verdict.kind, case.verdict.what)

        return judge_any(root, case.seed, minimised(case.recipe, shows))


def save(case: Case, path: Path) -> None:
    """Keep a recipe."""
    path.write_text(json.dumps(case.recipe, indent=1) + "\n", encoding="utf-8")
