"""Scans of patch sets."""

import json
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from hftranslate.batch.journal import Journal
from hftranslate.batch.options import BatchOptions
from hftranslate.display import csv_text
from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.formats.pyhf_json import from_document
from hftranslate.inference.hypotest import hypotest, upper_limit
from hftranslate.likelihood.compile import compile_model
from hftranslate.signal_grid import Patch, PatchSet
from hftranslate.signal_grid.scan import Scan, scan, scan_from_document, scan_task
from hftranslate.signal_grid.tasks import Background, Packed, PointTask, ScanSettings
from hftranslate.toys import ToyOptions, toy_test
from hftranslate.workspace import ROOT
from tests.signal_grid.grid import background, patches, with_signal

POINTS = [(100, 0), (200, 50), (400, 0)]


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


def broken() -> PatchSet:
    """Three good points, one whose patch does not apply, one that is no model, and one without the POI."""
    good = patches(POINTS)
    bad = (
        Patch(name="nowhere", values=(1, 0), operations=[{"op": "remove", "path": "/channels/7"}]),
        Patch(name="invalid", values=(2, 0), operations=[{"op": "add", "path": "/observations/0/data/-", "value": 1}]),
        Patch(
            name="without", values=(3, 0), operations=[{"op": "replace", "path": "/observations/0/data/0", "value": 1}]
        ),
    )
    return PatchSet(labels=good.labels, patches=(*bad, *good.patches), digests=good.digests, references=good.references)


def test_is_the_test_of_each_full_workspace() -> None:
    done = scan(background(), patches(POINTS))
    assert [p.values for p in done.points] == POINTS
    for point in done.points:
        model, data = compile_model(from_document(with_signal(*map(int, point.values))))
        alone = hypotest(model, data)
        assert point.result["CLs_obs"] == pytest.approx(alone.cls_obs, rel=1e-9)
        assert point.result["CLs_exp"] == pytest.approx(alone.cls_exp, rel=1e-9)
    assert done.task["background_sha256"] == patches(POINTS).digests["sha256"]
    assert done.what == "cls"
    assert done.level == 0.05


def test_a_scan_says_what_it_is() -> None:
    done = scan(background(), patches(POINTS))
    assert done.to_dict() == done.to_document()
    excluded = sum(p.result["CLs_obs"] < 0.05 for p in done.points)
    assert repr(done) == f"<Scan: cls of {len(POINTS)} points; {excluded} excluded at CLs = 0.05>"
    (table,) = done.tables()
    assert table.csv() == csv_text(done.rows())
    assert "conventions: pyhf" in str(done)


def test_limits_and_settings() -> None:
    settings = ScanSettings(what="limit", level=0.1, conventions="root", test_stat="q", measurement="meas")
    done = scan(background(), patches(POINTS[:1]), settings)
    model, data = compile_model(from_document(with_signal(100, 0)), None, ROOT)
    alone = upper_limit(model, data, 0.1, test_stat="q")
    [point] = done.points
    assert point.result["observed"] == pytest.approx(alone.observed, rel=1e-6)
    assert point.result["expected"] == pytest.approx(alone.expected, rel=1e-6)
    assert "scan" not in point.result
    assert "test_poi" not in done.to_document()
    assert done.rows()[0] == ["name", "m1", "m2", *(f"limit_{k}" for k in _limit_columns()), "failure"]


def _limit_columns() -> list[str]:
    return ["obs", *(f"exp_{band}" for band in (-2, -1, 0, 1, 2))]


def test_toys_at_every_point(tmp_path: Path, pool: Executor) -> None:
    """Those of each full workspace, on workers too; they say what the formulae say, and are kept and read back."""
    toys = ToyOptions(toys=200, seed=3)
    settings, keeping = ScanSettings(toys=toys), BatchOptions(resume=tmp_path / "kept.jsonl")
    found = scan(background(), patches(POINTS), settings, batch=keeping)
    assert not found.failed
    for point, formula in zip(found.points, scan(background(), patches(POINTS)).points, strict=True):
        model, data = compile_model(from_document(with_signal(*map(int, point.values))))
        alone = toy_test(model, data, 1.0, toy_options=toys)
        assert point.result["CLs_obs"] == alone.cls_obs
        assert point.result["toys"]["signal"] == 200
        # where the statistic is zero, every toy is as large, and the formulae say something else
        expected = formula.result["CLs_obs"] if formula.result["q"] > 0.0 else 1.0
        assert abs(point.result["CLs_obs"] - expected) < 5.0 * point.result["errors"]["CLs"] + 0.03
    assert scan(background(), patches(POINTS), settings, batch=BatchOptions(executor=pool)) == found
    assert scan(background(), patches(POINTS), settings, batch=keeping) == found
    assert scan_from_document(json.loads(json.dumps(found.to_document()))) == found
    with pytest.raises(InputError, match="another task"):
        scan(background(), patches(POINTS), batch=keeping)


def test_limits_by_toys() -> None:
    toys = ToyOptions(toys=200, seed=1)
    (point,) = scan(background(), patches(POINTS[:1]), ScanSettings(what="limit", toys=toys)).points
    (formula,) = scan(background(), patches(POINTS[:1]), ScanSettings(what="limit")).points
    expected = formula.result["observed"]
    assert abs(point.result["observed"] - expected) < 5.0 * point.result["errors"]["observed"] + 0.1 * expected


def test_another_value_is_tested() -> None:
    def cls(test_poi: float) -> float:
        done = scan(background(), patches(POINTS[:1]), ScanSettings(test_poi=test_poi))
        return float(done.points[0].result["CLs_obs"])

    assert cls(2.0) < cls(1.0) < cls(0.5)


def test_failures_are_kept_apart_and_the_workers_change_nothing(pool: Executor) -> None:
    here = scan(background(), broken())
    assert [f.name for f in here.failed] == ["nowhere", "invalid", "without"]
    assert "operation 0" in here.failed[0].reason
    assert "2 entries, expected 1" in here.failed[1].reason
    assert "mu" in here.failed[2].reason
    assert [p.values for p in here.points] == POINTS
    there = scan(background(), broken(), batch=BatchOptions(executor=pool))
    assert there == here
    assert json.dumps(there.to_document()) == json.dumps(here.to_document())


def test_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, settings = tmp_path / "kept.jsonl", ScanSettings()

    def journal() -> Journal:
        return Journal.open(path, scan_task(background(), broken(), settings))

    def interrupted(step: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(background(), broken(), settings, batch=BatchOptions(resume=path, progress=interrupted))
    assert sorted(journal().results) == ["sig_100_0", "sig_200_50"]  # failures are not kept: they are tried again
    computed: list[str] = []
    monkeypatch.setattr(PointTask, "__call__", _counting(PointTask.__call__, computed))
    done = scan(background(), broken(), settings, batch=BatchOptions(resume=path))
    assert computed == ["nowhere", "invalid", "without", "sig_400_0"]
    assert done == scan(background(), broken(), settings)
    assert len(journal().results) == 3


def _counting(call: Any, computed: list[str]) -> Any:
    def counted(self: PointTask, packed: Packed) -> Any:
        computed.append(packed.patch.name)
        return call(self, packed)

    return counted


def test_what_is_kept_belongs_to_background_patches_and_settings(tmp_path: Path) -> None:
    other = background()
    other["observations"][0]["data"] = [1]
    tasks = [
        scan_task(background(), patches(POINTS), ScanSettings()),
        scan_task(other, patches(POINTS), ScanSettings()),
        scan_task(background(), patches(POINTS[:2]), ScanSettings()),
        scan_task(background(), patches(POINTS), ScanSettings(test_poi=2.0)),
    ]
    path = tmp_path / "kept.jsonl"
    Journal.open(path, tasks[0])
    for task in tasks[1:]:
        with pytest.raises(InputError, match="holds the results of another task"):
            Journal.open(path, task)


@pytest.mark.parametrize("result", [5, {}, {"CLs_obs": 0.1, "CLs_exp": [0.1]}, {"CLs_obs": "x", "CLs_exp": [0.1] * 5}])
def test_what_is_kept_is_judged(result: Any, tmp_path: Path) -> None:
    some, settings = patches(POINTS), ScanSettings()
    journal = Journal.open(tmp_path / "kept", scan_task(background(), some, settings))
    journal.keep("sig_200_50", result)
    with pytest.raises(FormatError, match="kept is damaged: what it keeps of 'sig_200_50' is no result of a scan"):
        scan(background(), some, settings, batch=BatchOptions(resume=tmp_path / "kept"))


@pytest.mark.parametrize("poi", [float("nan"), float("inf")])
def test_the_tested_value_is_a_number(poi: float) -> None:
    with pytest.raises(InputError, match="the parameter of interest cannot be tested at"):
        ScanSettings(test_poi=poi)


def test_only_some_points() -> None:
    done = scan(background(), patches(POINTS), names=["sig_400_0", "sig_100_0", "sig_400_0"])
    assert [p.name for p in done.points] == ["sig_400_0", "sig_100_0"]
    with pytest.raises(MissingInput, match="no patch 'sig_400'; did you mean 'sig_400_0'"):
        scan(background(), patches(POINTS), names=["sig_400"])


def test_what_is_wrong_with_all_points_is_said_once() -> None:
    with pytest.raises(MissingInput, match="no measurement 'mea'; did you mean 'meas'"):
        scan(background(), patches(POINTS), ScanSettings(measurement="mea"))
    with pytest.raises(InputError, match="the background-only workspace: "):
        scan({**background(), "channels": []}, patches(POINTS))
    with pytest.raises(InputError, match=r"between 0 and 1, not 1\.5"):
        ScanSettings(level=1.5)


def test_a_worker_holds_the_background_once() -> None:
    shared = Background(background())
    task = PointTask(background=shared, settings=ScanSettings())
    one, two = pickle.loads(pickle.dumps(task)), pickle.loads(pickle.dumps(task))
    assert one.background is two.background
    assert one.background is not shared
    assert one.background.document == shared.document
    other = pickle.loads(pickle.dumps(Background({**background(), "observations": []})))
    assert other.document["observations"] == []
    patch = patches(POINTS).patches[0]
    assert pickle.loads(pickle.dumps(Packed(patch))).patch == patch


def test_a_scan_is_read_as_it_was_written() -> None:
    done = scan(background(), broken())
    assert scan_from_document(json.loads(json.dumps(done.to_document()))) == done


@pytest.mark.parametrize(
    "change",
    [
        lambda d: 5,
        lambda d: [],
        lambda d: {k: v for k, v in d.items() if k != "labels"},
        lambda d: {**d, "points": [{"name": "a"}]},
        lambda d: {**d, "points": [{"name": "a", "values": [1, 2]}]},
        lambda d: {**d, "points": [{**d["points"][0], "CLs_exp": [1.0]}]},
        lambda d: {**d, "points": [{**d["points"][0], "CLs_obs": "x"}]},
        lambda d: {**d, "failed": [{"name": "x"}]},
        lambda d: {**d, "what": "fit"},
        lambda d: {**d, "level": 0.0},
        lambda d: {**d, "level": "0.05"},
        lambda d: {**d, "labels": [1, 2]},
        lambda d: {**d, "labels": "ab"},
        lambda d: {**d, "what": ["cls"]},
        lambda d: {**d, "points": {"a": 1}},
        lambda d: {**d, "points": [{**d["points"][0], "name": 5}]},
        lambda d: {**d, "points": [{**d["points"][0], "values": [1]}]},
        lambda d: {**d, "points": [{**d["points"][0], "values": [[1], {}]}]},
        lambda d: {**d, "points": [{**d["points"][0], "values": [None, 1]}]},
        lambda d: {**d, "points": [{**d["points"][0], "CLs_obs": True}]},
        lambda d: {**d, "failed": 5},
        lambda d: {**d, "failed": [{"name": "x", "values": [1], "reason": "y"}]},
    ],
)
def test_other_documents_are_no_scan(change: Any) -> None:
    document = scan(background(), patches(POINTS[:1])).to_document()
    with pytest.raises(FormatError, match=r"is no scan as .* writes it|the result of 'patchset scan'"):
        scan_from_document(change(document))


def test_table() -> None:
    done = scan(background(), broken())
    lines = csv_text(done.rows()).splitlines()
    assert lines[0] == "name,m1,m2,CLs_obs,CLs_exp_-2,CLs_exp_-1,CLs_exp_0,CLs_exp_1,CLs_exp_2,failure"
    assert len(lines) == 7
    first = lines[1].split(",")
    assert first[:3] == ["sig_100_0", "100", "0"]
    assert [float(x) for x in first[3:9]] == [done.points[0].result["CLs_obs"], *done.points[0].result["CLs_exp"]]
    assert lines[4].startswith("nowhere,1,0,,,,,,,")
    assert isinstance(done, Scan)


@pytest.mark.parametrize("name", ["C1N2_Wh_hbb_700_50", "C1N2_Wh_hbb_250_100"])
def test_a_published_point_is_that_of_its_full_workspace(name: str, shared: Path) -> None:
    from hftranslate.signal_grid import read_patchset
    from hftranslate.signal_grid.signal_files import read_background

    simplified = shared / "workspaces" / "ATLAS-SUSY-2019-08" / "simplified" / "BkgOnly.json"
    document = read_background(simplified)
    found = read_patchset(shared / "patchsets" / "ATLAS-SUSY-2019-08" / "simplified_patchset.json.gz")
    [point] = scan(document, found, names=[name]).points
    model, data = compile_model(from_document(found.apply(document, found.named(name))))
    assert point.result["CLs_obs"] == pytest.approx(hypotest(model, data).cls_obs, rel=1e-9)
