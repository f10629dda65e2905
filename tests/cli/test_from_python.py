"""What the commands do can be called from Python as well, with the same results."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hftranslate.batch.executors import cores, executor_of
from hftranslate.batch.options import BatchOptions
from hftranslate.crosscheck.document import is_results
from hftranslate.crosscheck.results import results
from hftranslate.crosscheck.runs import case_pages, crosscheck_model, run_cases
from hftranslate.difference import difference
from hftranslate.doctor import diagnose
from hftranslate.doctor.findings import down_to
from hftranslate.editing import prune, rename, sort
from hftranslate.editing.negligible import negligible, pruned_document, pruned_text, pruning_effects, without
from hftranslate.editing.pruning import Places
from hftranslate.errors import InputError
from hftranslate.formats.json_text import dump_json
from hftranslate.hepdata.reproduce import Reproduced, read_record, reproduce_record
from hftranslate.inference.impacts import impacts
from hftranslate.likelihood.compile import compile_model
from hftranslate.plots import PlotOptions
from hftranslate.signal_grid import PointNames, create
from hftranslate.signal_grid.signal_files import read_signals
from hftranslate.toys.hypotest import toy_test
from hftranslate.toys.kept import kept_results, kept_sample, merge
from hftranslate.toys.samples import ToyOptions
from hftranslate.translation.as_json import digest, pyhf_digest
from hftranslate.translation.compared import Compared
from hftranslate.translation.edited import read_to_edit, write_edited
from hftranslate.translation.load import load, read
from hftranslate.translation.write import write
from hftranslate.workspace import NormSys, Workspace
from hftranslate.workspace.simplemodels import correlated_background, uncorrelated_background
from tests.signal_grid.grid import POINTS, background, patches, with_signal

WORKSPACE = uncorrelated_background([5.0, 3.0], [50.0, 30.0], [5.0, 3.0], observed=[57, 31])


# ------------------------------------------------------------------------------------------------------------- options
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchOptions(executor=4), "on an executor of concurrent.futures or here .None., not on 4"),  # type: ignore[arg-type]
        (lambda: BatchOptions(progress=True), "told to a function of .step, done, total., not to True"),  # type: ignore[arg-type]
        (lambda: PlotOptions(style="LEP"), "no style 'LEP' of pictures"),
        (lambda: Places(samples_in=["SR"]), "samples_in: expected places of 2 words each, not 'SR'"),
        (lambda: Places(modifiers_in=[("SR", "signal")]), "modifiers_in: expected places of 3 words each"),
    ],
)
def test_options_are_judged_where_they_are_made(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_what_keeps_results_belongs_to_one_task(tmp_path: Path) -> None:
    model, data = compile_model(WORKSPACE)
    kept = BatchOptions(resume=tmp_path / "kept.jsonl")
    first = impacts(model, data, batch=kept)
    assert impacts(model, data, batch=kept) == first
    with pytest.raises(InputError, match=r"kept\.jsonl holds the results of another task: .*hesse.* has .*minos"):
        impacts(model, data, widths="minos", batch=kept)
    other = compile_model(uncorrelated_background([5.0], [50.0], [5.0]))
    with pytest.raises(InputError, match=r"holds the results of another task: \{'model'"):
        impacts(*other, batch=kept)


def test_executors() -> None:
    assert cores() >= 1
    with executor_of(1) as here:
        assert here is None


# ------------------------------------------------------------------------------------------------------------- editing
def test_what_a_sidecar_restores_is_edited_alike(tmp_path: Path) -> None:
    original = replace(WORKSPACE, channels=tuple(replace(c, edges=((0.0, 1.0, 2.0),)) for c in WORKSPACE.channels))
    write(original, tmp_path / "ws.json")
    edited, notes = read_to_edit(tmp_path / "ws.json").by(lambda ws: rename(ws, samples={"signal": "S"}))
    assert notes == ()
    assert edited.original == rename(original, samples={"signal": "S"})
    write_edited(edited, tmp_path / "out.json")
    assert load(tmp_path / "out.json", use_sidecar=True).workspace == edited.original
    write_edited(edited, tmp_path / "xml" / "FitConfig.xml")
    assert read(tmp_path / "xml" / "FitConfig.xml").channels[0].edges == ((0.0, 1.0, 2.0),)


def test_an_edit_that_the_sidecar_cannot_follow_is_told(tmp_path: Path) -> None:
    write(WORKSPACE, tmp_path / "ws.json")
    read_plain = read_to_edit(tmp_path / "ws.json")

    def edit(workspace: Workspace) -> Workspace:
        if workspace is read_plain.original:
            raise InputError("no")
        return sort(workspace)

    edited, notes = read_plain.by(edit)
    assert edited.original is None
    assert notes[-1] == "loss: what the sidecar holds cannot follow and is left out: no"


def test_what_pruning_did_is_said() -> None:
    small = NormSys(name="small", lo=0.9999, hi=1.0001)
    channel = WORKSPACE.channels[0]
    samples = tuple(replace(s, modifiers=(*s.modifiers, small)) for s in channel.samples)
    workspace = replace(WORKSPACE, channels=(replace(channel, samples=samples),))
    found = negligible(workspace, 0.001)
    pruned = without(workspace, found)
    effects = pruning_effects(workspace, pruned)
    assert "1 parameter(s) are no longer there: small" in pruned_text(found, effects, 0.001)
    document = json.loads(dump_json(pruned_document(found, effects, 0.001)))
    assert {p["modifier"] for p in document["pruned"]} == {"small"}
    places = Places(modifiers_in=[(n.channel, n.sample, n.modifier) for n in found])
    assert pruned == prune(workspace, places=places)


def test_digests() -> None:
    assert digest(WORKSPACE) == pyhf_digest(WORKSPACE)
    assert digest(sort(WORKSPACE), "canonical") == digest(WORKSPACE, "canonical") != digest(WORKSPACE)


# ---------------------------------------------------------------------------------------------- compared and diagnosed
def test_two_files_compared(tmp_path: Path) -> None:
    write(WORKSPACE, tmp_path / "one.json")
    write(rename(WORKSPACE, samples={"signal": "S"}), tmp_path / "xml" / "two.xml")
    names = (str(tmp_path / "one.json"), str(tmp_path / "xml" / "two.xml"))
    one, two = (load(name) for name in names)
    compared = Compared(files=names, loaded=(one, two), found=difference(one.workspace, two.workspace))
    assert compared.text().startswith(f"first: {names[0]} (pyhf-json)\nsecond: {names[1]} (xml)\n")
    document = compared.document()
    assert document["second_file"]["format"] == "xml"
    assert document["equal"] is False


def test_findings_down_to_a_severity() -> None:
    found = diagnose(correlated_background([1.0], [0.0], [0.0], [0.0])).findings
    assert down_to(found, "note") == found
    assert {f.severity for f in down_to(found, "warning")} <= {"error", "warning"}
    assert 0 < len(down_to(found, "warning")) < len(found)


def test_a_model_with_the_other_conventions_beside() -> None:
    reference = results(WORKSPACE)
    found = crosscheck_model(WORKSPACE, results(WORKSPACE, like=reference), reference)
    assert found.passed
    assert found.beside is not None
    assert found.beside.conventions.name == "root"


def test_cases_one_after_the_other(tmp_path: Path) -> None:
    from hftranslate.crosscheck.cases import read_cases

    write(WORKSPACE, tmp_path / "ws.json")
    reference = results(WORKSPACE)
    (tmp_path / "reference.json").write_text(dump_json(reference.to_document()))
    assert is_results(tmp_path / "reference.json")
    assert not is_results(tmp_path / "ws.json")
    case = '[cases.{0}]\ninput = "{1}"\nmeasurement = "{2}"\nreference = "reference.json"\n'
    name = reference.measurement
    lines = [case.format("good", "ws.json", name), case.format("broken", "none.json", name)]
    (tmp_path / "cases.toml").write_text(
        "\n".join([*lines, case.format("away", "away.json", name) + "shared = true\n"])
    )
    found = list(run_cases(read_cases(tmp_path / "cases.toml")))
    assert [r.verdict for r in found] == ["passed", "failed", "skipped"]
    pages = case_pages(found, tmp_path)
    assert sorted(p.name for p in pages) == ["good.html", "index.html"]


# ------------------------------------------------------------------------------------------------------ grids and toys
def test_a_patch_set_from_files(tmp_path: Path) -> None:
    files = [tmp_path / f"sig_{x}_{y}.json" for x, y in POINTS]
    for file, point in zip(files, POINTS, strict=True):
        file.write_text(json.dumps(with_signal(*point)))
    names, seen = PointNames.compiled(r"sig_(?P<m1>\d+)_(?P<m2>\d+)"), list[int]()
    read_all = read_signals(files, background(), names, progress=lambda step, done, total: seen.append(done))
    made = create(background(), read_all, labels=names.labels, reference="ins1234567")
    assert [p.values for p in made] == [p.values for p in patches(POINTS)]
    assert seen == list(range(len(POINTS)))


def test_a_record_region_by_region(tmp_path: Path) -> None:
    record = tmp_path / "record"
    for n, region in enumerate(("A", "B"), start=2):
        (record / region).mkdir(parents=True)
        (record / region / "bkg.json").write_text(json.dumps(background()))
        (record / region / "patchset.json").write_text(json.dumps(patches(POINTS[:n]).to_document()))
    found = read_record(record)
    done = {region.name: out for region, out in reproduce_record(found, tmp_path / "out")}
    assert list(done) == ["A", "B"]
    for name, out in done.items():
        assert isinstance(out, Reproduced)
        assert (tmp_path / "out" / name / "scan.json").is_file()


def test_kept_toys_say_together_what_one_run_says(tmp_path: Path) -> None:
    model, data = compile_model(WORKSPACE)
    files = [tmp_path / f"{seed}.jsonl" for seed in (1, 2)]
    for seed, file in enumerate(files, start=1):
        toy_test(model, data, toy_options=ToyOptions(toys=20, seed=seed), batch=BatchOptions(resume=file))
    (tmp_path / "all.jsonl").write_text(merge(files))
    sample, test_stat = kept_sample([tmp_path / "all.jsonl"])
    assert (sample.seeds, test_stat) == ((1, 2), "qtilde")
    assert kept_results(files) == kept_results([tmp_path / "all.jsonl"])
    assert kept_results(files)[0]["toys"]["signal"] == 40
