"""Scans by toys in tasks: whatever their length, interrupted and taken up, kept as counts or in full."""

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hftranslate.batch import BatchOptions
from hftranslate.errors import FormatError, InputError
from hftranslate.formats.pyhf_json import from_document
from hftranslate.likelihood.compile import compile_model
from hftranslate.signal_grid import ScanSettings, scan
from hftranslate.signal_grid.toy_scan import Part, PartTask
from hftranslate.toys import ToyOptions, toy_test
from tests.signal_grid.grid import background, patches, with_signal

POINTS = [(100, 0), (400, 0)]
TOYS = ToyOptions(toys=350, seed=3)
SETTINGS = ScanSettings(toys=TOYS)


@pytest.fixture(scope="module")
def expected() -> Any:
    return scan(background(), patches(POINTS), SETTINGS)


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def lines(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()[1:]]


def test_every_q_gives_the_test_of_the_full_workspace(expected: Any) -> None:
    found = scan(background(), patches(POINTS), ScanSettings(toys=TOYS, every_q=True))
    for point, counted in zip(found.points, expected.points, strict=True):
        model, data = compile_model(from_document(with_signal(*map(int, point.values))))
        alone = toy_test(model, data, toy_options=TOYS).to_dict()
        for name in ("q", "muhat"):
            assert point.result[name] == pytest.approx(alone[name], rel=1e-6)
        for name in ("CLs_obs", "CLs_exp", "CLsb", "CLb", "errors", "toys"):
            assert point.result[name] == alone[name]
        assert counted.result["CLs_obs"] == point.result["CLs_obs"]
        errors = point.result["errors"]["CLs_exp"]
        for a, b, error in zip(counted.result["CLs_exp"], point.result["CLs_exp"], errors, strict=True):
            assert abs(a - b) <= error


def test_interrupted_and_taken_up_with_tasks_of_another_length(
    tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.jsonl"

    def interrupted(step: str, done: int, total: int) -> None:
        assert (step, total) == ("toys", 1400)
        if done >= 1000:
            raise KeyboardInterrupt

    short = BatchOptions(resume=path, task_seconds=1e-6, progress=interrupted)
    with pytest.raises(KeyboardInterrupt):
        scan(background(), patches(POINTS), SETTINGS, batch=short)
    first, second = "sig_100_0", "sig_400_0"
    assert lines(path) == [
        *(f"{first} toys {i}-{i + 1}" for i in range(4)),
        first,
        f"{second} toys 0-1",
        f"{second} toys 1-2",
    ]
    made: list[str] = []
    call = PartTask.__call__

    def counted(self: PartTask, part: Part) -> Any:
        made.append(part.key)
        return call(self, part)

    monkeypatch.setattr(PartTask, "__call__", counted)
    seen: list[tuple[int, int]] = []
    going_on = BatchOptions(
        resume=path, task_seconds=1e6, progress=lambda step, done, total: seen.append((done, total))
    )
    assert scan(background(), patches(POINTS), SETTINGS, batch=going_on) == expected
    assert made == [f"{second} toys 2-3", f"{second} toys 3-4"]
    assert seen[0] == (400, 700)
    assert seen[-1] == (700, 700)
    assert scan(background(), patches(POINTS), SETTINGS, batch=going_on) == expected
    assert len(made) == 2


def test_workers_and_lengths_change_nothing(threads: Executor, expected: Any) -> None:
    for seconds in (1e-6, 20.0):
        batch = BatchOptions(executor=threads, task_seconds=seconds)
        assert scan(background(), patches(POINTS), SETTINGS, batch=batch) == expected


def test_a_journal_of_points_only_is_taken_up(tmp_path: Path, expected: Any) -> None:
    """As versions before tasks of parts wrote it: each point with its result, every statistic behind it forgotten."""
    path = tmp_path / "kept.jsonl"
    scan(background(), patches(POINTS), SETTINGS, batch=BatchOptions(resume=path))
    head, *kept = path.read_text().splitlines(keepends=True)
    points = [line for line in kept if " toys " not in json.loads(line)["key"]]
    assert len(points) == 2
    assert "every_q" not in json.loads(head)["task"]
    path.write_text("".join([head, points[0]]))
    assert scan(background(), patches(POINTS), SETTINGS, batch=BatchOptions(resume=path)) == expected
    every_q = ScanSettings(toys=TOYS, every_q=True)
    with pytest.raises(InputError, match="holds the results of another task"):
        scan(background(), patches(POINTS), every_q, batch=BatchOptions(resume=path))


@pytest.mark.parametrize(
    "damage",
    [{"q": "x"}, {"about": {}}, {"signal": {"n": 3}}, {"signal": [1.0, "x"]}, {"background": None}],
)
def test_a_damaged_part_is_refused(damage: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    scan(background(), patches(POINTS), SETTINGS, batch=BatchOptions(resume=path), names="sig_100_0")
    head, part, *_ = path.read_text().splitlines()
    line = json.loads(part)
    line["result"].update(damage)
    path.write_text(f"{head}\n{json.dumps(line)}\n")
    with pytest.raises(FormatError, match="is damaged: what it keeps of 'sig_100_0 toys 0-1' is no result of a scan"):
        scan(background(), patches(POINTS), SETTINGS, batch=BatchOptions(resume=path))


def test_a_point_that_fails_stops_no_other() -> None:
    settings = ScanSettings(toys=TOYS, test_poi=-1.0)
    found = scan(background(), patches(POINTS), settings)
    assert [f.name for f in found.failed] == ["sig_100_0", "sig_400_0"]


@pytest.mark.parametrize("settings", [{}, {"what": "limit", "toys": ToyOptions(toys=10)}])
def test_every_q_is_of_cls_by_toys(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="CLs is computed by toys"):
        ScanSettings(every_q=True, **settings)


def test_a_task_takes_time() -> None:
    with pytest.raises(InputError, match="a task takes some seconds, not 0"):
        BatchOptions(task_seconds=0.0)
