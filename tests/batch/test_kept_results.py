"""Results that were kept in a file are judged when a run takes them up: anyone may have changed the file."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftranslate.batch.options import BatchOptions
from hftranslate.display import csv_text
from hftranslate.errors import FormatError, HFTranslateError, InputError
from hftranslate.inference.goodness import goodness_of_fit
from hftranslate.inference.impacts import impacts
from hftranslate.inference.profiles import profile_scan
from hftranslate.likelihood.compile import compile_model
from hftranslate.signal_grid.scan import scan
from hftranslate.signal_grid.tasks import ScanSettings
from hftranslate.toys.hypotest import toy_test
from hftranslate.toys.samples import ToyOptions, kept_toys, merged, toys_journal
from hftranslate.workspace.simplemodels import uncorrelated_background
from tests.mutations import changed_documents
from tests.signal_grid.grid import background, patches

MODEL, DATA = compile_model(uncorrelated_background([5.0, 3.0], [50.0, 30.0], [5.0, 3.0], observed=[57, 31]))
POINTS = [(100, 0), (200, 50)]


def _impacts(path: Path) -> Any:
    return impacts(MODEL, DATA, batch=BatchOptions(resume=path)).to_dict()


def _scan(path: Path) -> Any:
    return profile_scan(MODEL, DATA, ["mu"], [[0.5, 1.0, 1.5]], batch=BatchOptions(resume=path)).to_dict()


def _gof(path: Path) -> Any:
    return goodness_of_fit(MODEL, DATA, toys=3, batch=BatchOptions(resume=path)).to_dict()


def _toys(path: Path) -> Any:
    test = toy_test(MODEL, DATA, 1.0, toy_options=ToyOptions(toys=4, seed=1), batch=BatchOptions(resume=path))
    kept_toys(merged([toys_journal(path), toys_journal(path)]), "")
    return test.to_dict()


def _grid(settings: ScanSettings) -> Callable[[Path], Any]:
    some = patches(POINTS)

    def run(path: Path) -> Any:
        done = scan(background(), some, settings, batch=BatchOptions(resume=path))
        csv_text(done.rows())
        return done.to_document()

    return run


KINDS: dict[str, Callable[[Path], Any]] = {
    "impacts": _impacts,
    "scan": _scan,
    "gof": _gof,
    "toys": _toys,
    "cls of a grid": _grid(ScanSettings()),
    "limits of a grid": _grid(ScanSettings(what="limit")),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Callable[[Path], Any], Any, Any]:
    """A run, what it keeps as one document, and what it says."""
    run, path = KINDS[request.param], tmp_path_factory.mktemp("kept") / "kept.jsonl"
    said = run(path)
    return run, [json.loads(line) for line in path.read_text().splitlines()], said


def written(path: Path, lines: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_what_was_kept_is_taken_up(kind: Any, tmp_path: Path) -> None:
    run, lines, said = kind
    path = written(tmp_path / "kept.jsonl", lines)
    assert run(path) == said
    assert len(path.read_text().splitlines()) == len(lines)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_is_refused_or_makes_sense(kind: Any, tmp_path: Path, data: st.DataObject) -> None:
    """An error in a sentence, or numbers that JSON can hold: never a defect, and never less than was asked for."""
    run, lines, said = kind
    changed = data.draw(changed_documents([lines]))
    if not isinstance(changed, list):
        return
    with suppress(HFTranslateError):
        found = run(written(tmp_path / "kept.jsonl", changed))
        json.dumps(found, allow_nan=False)
        assert found.keys() == said.keys()


HOSTILE: tuple[Any, ...] = (None, True, "0.1", [], {}, [[0.1]], "\x1b[31m", [None], {"name": "x"}, -1e300)


def test_every_value_is_judged(kind: Any, tmp_path: Path) -> None:
    """Each number or list of a result is replaced in turn by what it cannot be."""
    run, lines, _ = kind
    result = lines[1]["result"]
    places: list[tuple[Any, ...]] = [()]
    if isinstance(result, dict):
        places = [(key,) for key in result if key not in ("why", "failures")]
        places += [(key, 0) for key in result if isinstance(result[key], list) and result[key]]
    elif isinstance(result, list):
        places += [(0,)]
    for place in places:
        for value in HOSTILE:
            changed = deepcopy(lines)
            parent = changed[1]
            *way, last = ("result", *place)
            for step in way:
                parent = parent[step]
            if type(value) is type(parent[last]) or (value is None and parent[last] is None):
                continue
            parent[last] = value
            accepted = False
            with suppress(InputError):
                run(written(tmp_path / "kept.jsonl", changed))
                accepted = True
            assert not accepted or value is None or value == -1e300, (place, value)


def test_the_message_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    _impacts(path)
    path.write_text(path.read_text().replace('"widths": [', '"widths": ["x", '))
    with pytest.raises(
        FormatError, match=r"kept\.jsonl is damaged: what it keeps of .* is no result of impacts; leave"
    ):
        _impacts(path)
