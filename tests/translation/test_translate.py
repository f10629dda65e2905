"""Between files: round trips of published models, sidecars, what the properties promise, and writing all or nothing."""

import json
import os
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hftranslate as hft
from hftranslate.difference.likelihood_change import likelihood_difference
from hftranslate.errors import InputError, MissingInput, TranslationLoss, Unsupported
from hftranslate.formats import histfactory_xml, pyhf_json
from hftranslate.formats.files import write_files
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.formats.histfactory_xml.dialect import TO_XML
from hftranslate.formats.json_text import dump_json
from hftranslate.formats.outcomes import Outcome, of_kind
from hftranslate.formats.schemas import violation
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.account import NEGLIGIBLE, check_strict
from hftranslate.translation.load import load
from hftranslate.translation.sidecar import apply_sidecar
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.write import to_pyhf_json, to_xml, write_json, write_xml
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    Conventions,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    StatError,
    Workspace,
)
from hftranslate.workspace.map import map_modifiers
from tests.cases import case, case_ids, entries, workspace
from tests.conftest import shared_files, shared_folder
from tests.equivalence import all_of, model_difference, same_rules
from tests.strategies import workspaces

#: Of the biggest models two are enough: the others are made like them.
LIKE_ANOTHER = {
    "1Lbb_C1N2_Wh_hbb_700_400",
    "1Lbb_C1N2_Wh_hbb_900_100",
    "1Lbb_C1N2_Wh_hbb_550_200",
    "1Lbb_C1N2_Wh_hbb_300_75",
    "staus_Region-combined_DS_280_200_Staus",
    "staus_Region-combined_DS_320_40_Staus",
    "compressed_Sleptons",
    "compressed_EWKinos",
}
CASES = [name for name in case_ids() if name not in LIKE_ANOTHER]


def exact(document: Any) -> str:
    """A text that tells 50 from 50.0."""
    return json.dumps(document, sort_keys=True)


# ------------------------------------------------------------------------------------------------- published models
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_published_model_survives_xml(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = case(name).document()
    ws = workspace(name)
    translation = to_xml(ws, measure=False)
    write_xml(translation, tmp_path / "here", sidecar=True)
    (tmp_path / "there").mkdir()
    shutil.move(tmp_path / "here", tmp_path / "there" / "moved")
    monkeypatch.chdir(tmp_path)
    driver = Path("there/moved/FitConfig.xml")

    with_sidecar = load(driver, use_sidecar=True)
    assert with_sidecar.with_sidecar
    assert with_sidecar.workspace == ws
    assert exact(to_pyhf_json(with_sidecar.workspace, measure=False).document) == exact(document)

    alone = load(driver).workspace
    assert model_difference(replace(ws, conventions=same_rules(ROOT, PYHF)), alone) is None
    back = to_pyhf_json(alone, measure=False).document
    assert violation(back, "workspace") is None
    same_content_in_xml(document, back)


def same_content_in_xml(document: Any, back: Any) -> None:
    """All that XML has words for: yields, data, modifiers (but the names and kinds of bin factors), and values."""
    old, new = (pyhf_json.from_document(d) for d in (document, back))
    assert [c.name for c in old.channels] == [c.name for c in new.channels]
    for a, b in zip(old.channels, new.channels, strict=True):
        assert a.observed == b.observed
        assert [s.name for s in a.samples] == [s.name for s in b.samples]
        for one, two in zip(a.samples, b.samples, strict=True):
            assert one.nominal == two.nominal
            assert factors(one) == factors(two)
    for m, n in zip(old.measurements, new.measurements, strict=True):
        assert (m.name or "measurement", m.pois) == (n.name, n.pois)


def factors(sample: Sample) -> set[Modifier]:
    return {m for m in sample.modifiers if isinstance(m, NormFactor | NormSys | HistoSys | Lumi)}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("name", ["sbottom_simplifiedA", "nextstat_complex", "cms_ttgamma_2l"])
def test_writing_twice_gives_the_same_bytes(name: str, tmp_path: Path, shared: Path) -> None:
    for folder in ("a", "b"):
        write_xml(to_xml(workspace(name), measure=False), tmp_path / folder, sidecar=True)
    first = tree(tmp_path / "a")
    assert first == tree(tmp_path / "b")
    assert {"FitConfig.xml", "FitConfig.histfactory.json", "data/data.root", "HistFactorySchema.dtd"} <= first.keys()
    assert not any(str(tmp_path).encode() in data for data in first.values())


@pytest.mark.parametrize("name", ["sbottom_simplifiedA", "nextstat_complex", "displaced_complete"])
def test_written_xml_is_valid_against_its_own_dtd(name: str, tmp_path: Path, shared: Path) -> None:
    from lxml import etree

    hft.write(workspace(name), tmp_path / "FitConfig.xml")
    for path in [tmp_path / "FitConfig.xml", *(tmp_path / "config").glob("*.xml")]:
        etree.parse(path, etree.XMLParser(dtd_validation=True, no_network=True))


# --------------------------------------------------------------------------------------------------------- from XML
def drivers() -> list[Any]:
    """Driver and base folder, below the shared folder, of each XML model there."""
    found = [(f"{e['dir']}/{e['driver']}", e["dir"]) for e in entries("xml")]
    found += [(name, str(Path(name).parent)) for name in shared_files("root_models/*/top.xml")]
    return [pytest.param(shared_folder() / driver, shared_folder() / base, id=driver) for driver, base in found]


#: What the other format cannot say, by a part of the driver's path.
REFUSED_BY_JSON = {"normfactor_twice": "a power of 2"}


def refused(driver: Path, known: dict[str, str]) -> str | None:
    return next((text for part, text in known.items() if part in str(driver)), None)


@cache
def read_driver(driver: Path, base: Path) -> tuple[Workspace, tuple[Outcome, ...]]:
    loaded = load(driver, xml=XmlOptions(basedir=base))
    return loaded.workspace, loaded.outcomes


@pytest.mark.parametrize(("driver", "base"), drivers())
def test_xml_survives_json(driver: Path, base: Path, tmp_path: Path) -> None:
    ws, _ = read_driver(driver, base)
    if text := refused(driver, REFUSED_BY_JSON):
        with pytest.raises(Unsupported, match=text):
            to_pyhf_json(ws)
        return
    translation = to_pyhf_json(ws, measure=False)
    assert violation(translation.document, "workspace") is None
    path = tmp_path / "ws.json"
    write_json(translation, path, sidecar=sidecar_path(path))

    restored = load(path, use_sidecar=True)
    assert restored.with_sidecar
    assert all_of(restored.workspace) == all_of(ws)
    write_xml(to_xml(restored.workspace, measure=False), tmp_path / "xml", sidecar=False)
    again = hft.read(tmp_path / "xml" / "FitConfig.xml")
    assert without_notes(again) == without_notes(ws)

    alone = hft.read(path)
    losses = of_kind(translation.outcomes, "loss")
    for i in range(len(ws.measurements)):
        original = replace(ws, conventions=same_rules(PYHF, ROOT))
        try:
            different = model_difference(original, alone, i)
        except InputError:
            assert losses  # a constraint term that no engine but ROOT evaluates
            continue
        assert different is None or losses


def without_notes(ws: Workspace) -> Workspace:
    """All that has a meaning for the likelihood."""
    return replace(
        ws,
        channels=tuple(
            replace(c, annotations=(), samples=tuple(replace(s, annotations=()) for s in c.samples))
            for c in ws.channels
        ),
        measurements=tuple(
            replace(m, annotations=(), parameters=tuple(sorted(m.parameters, key=lambda p: p.name)))
            for m in ws.measurements
        ),
        annotations=(),
    )


@pytest.mark.parametrize(("driver", "base"), drivers())
def test_pyhf_computes_with_the_json(driver: Path, base: Path) -> None:
    import pyhf

    if refused(driver, REFUSED_BY_JSON):
        return
    document = to_pyhf_json(read_driver(driver, base)[0], measure=False).document
    ours, data = compile_model(pyhf_json.from_document(document))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", precision="64b")
        space = pyhf.Workspace(document)
        theirs = space.model()
        auxiliary = space.data(theirs)
        order = [n for p in theirs.config.par_order for n in names_of(theirs, p)]
        theta = np.array(theirs.config.suggested_init())
        for shift in (0.0, 0.05, -0.03):
            point = theta + shift * ~np.array(theirs.config.suggested_fixed())
            mine = ours.parameters.init.copy()
            for name, value in zip(order, point, strict=True):
                mine[ours.parameters.names.index(name)] = value
            with np.errstate(all="ignore"):
                expected = float(theirs.logpdf(point, auxiliary)[0])
            assert ours.logpdf(mine, data) == pytest.approx(expected, rel=1e-10, abs=1e-9)


def names_of(model: Any, name: str) -> list[str]:
    parameters = model.config.param_set(name)
    return [name] if parameters.is_scalar else [f"{name}[{i}]" for i in range(parameters.n_parameters)]


# --------------------------------------------------------------------------------------------------------- properties
@st.composite
def translatable(draw: st.DrawFn, dialect: Any) -> Workspace:
    """Generated workspaces without what no format says, and with harder ones: staterrors split and joined."""
    ws = draw(workspaces(dialect))
    if dialect == "any":
        ws = replace(
            map_modifiers(ws, _sayable),
            channels=tuple(replace(c, observed=c.observed or (5.0,) * c.n_bins, edges=None) for c in ws.channels),
            measurements=tuple(map(_computable, ws.measurements)),
        )
        ws = map_modifiers(ws, _sayable)
    grouping = draw(st.sampled_from(["as they are", "as they are", "for each sample", "over channels"]))
    return ws if grouping == "as they are" else _regrouped(ws, grouping == "for each sample")


def _sayable(_c: Channel, _s: Sample, m: Modifier) -> Modifier:
    match m:
        case NormSys():
            return replace(m, interpolation="code4")
        case HistoSys():
            return replace(m, interpolation="code4p")
        case Lumi():
            return Lumi()
        case _:
            return m


def _computable(m: Measurement) -> Measurement:
    return replace(
        m,
        parameters=tuple(replace(p, name="lumi") if p.name == "luminosity" else p for p in m.parameters),
        constraint_terms=tuple(t for t in m.constraint_terms if t.kind in ("none", "uniform")),
    )


def _regrouped(ws: Workspace, split: bool) -> Workspace:
    stats = [m for c in ws.channels for s in c.samples for m in s.modifiers if isinstance(m, StatError)]
    names = {m.name for m in stats}

    def change(_c: Channel, s: Sample, m: Modifier) -> Modifier:
        if not isinstance(m, StatError):
            return m
        if split:
            return replace(m, name=f"{m.name}_{s.name}")
        return replace(m, name=stats[0].name, constraint=stats[0].constraint, threshold=stats[0].threshold)

    measurements = tuple(
        replace(m, parameters=tuple(p for p in m.parameters if p.name not in names)) for m in ws.measurements
    )
    return map_modifiers(replace(ws, measurements=measurements), change)


def check_promises(
    original: Workspace, renamed: Workspace, alone: Workspace, target: Conventions, outcomes: Sequence[Outcome]
) -> None:
    """No change of the likelihood is silent; ``renamed`` is the original with the names that the target has."""
    if of_kind(outcomes, "loss"):
        return
    for i, m in enumerate(renamed.measurements):
        try:
            different = model_difference(
                replace(renamed, conventions=same_rules(target, renamed.conventions)), alone, i
            )
        except InputError:
            continue  # the original has no likelihood: initial values outside a range, say
        assert different is None
        effect = likelihood_difference(original, alone, m.name) if renamed is original else None
        if effect is not None and effect > NEGLIGIBLE:
            assert of_kind(outcomes, "convention")


many = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


#: With other meanings of NormalizeByTheory and ShapeFactor.
VERSIONS = st.sampled_from(["6.40", "6.40", "6.20", "6.42"])


@pytest.mark.slow
@many
@given(translatable("pyhf-json"), VERSIONS)
def test_json_to_xml_changes_nothing_in_silence(ws: Workspace, root_version: str) -> None:
    through_xml(ws, root_version)


@pytest.mark.slow
@many
@given(translatable("any"), VERSIONS)
def test_any_workspace_to_xml_and_to_json_changes_nothing_in_silence(ws: Workspace, root_version: str) -> None:
    through_xml(ws, root_version)
    through_json(ws)


def through_xml(ws: Workspace, root_version: str) -> None:
    try:
        translation = to_xml(ws, measure=False, root_version=root_version)
    except InputError:
        return  # refused, with a message
    alone, _ = histfactory_xml.read_back(translation.model)
    assert all_of(apply_sidecar(alone, json.loads(dump_json(translation.sidecar)))) == all_of(ws)
    names = TO_XML[0]
    assert names.name == "names"
    renamed, renamings = names.apply(ws)
    check_promises(ws, renamed if renamings else ws, alone, ROOT, translation.outcomes)


def through_json(ws: Workspace) -> None:
    try:
        translation = to_pyhf_json(ws, measure=False)
    except InputError:
        return
    assert violation(translation.document, "workspace") is None
    alone = pyhf_json.from_document(translation.document)
    assert all_of(apply_sidecar(alone, json.loads(dump_json(translation.sidecar)))) == all_of(ws)
    check_promises(ws, ws, alone, PYHF, translation.outcomes)


@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(translatable("pyhf-json"))
def test_measured_effects_do_not_fail(ws: Workspace) -> None:
    """Whatever a model is like, its translation is measured without an accident."""
    with np.errstate(all="ignore"):
        try:
            outcomes = to_xml(ws).outcomes
        except InputError:
            return
    for o in of_kind(outcomes, "convention"):
        assert o.effect is None or o.effect > 0.0


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(workspaces("pyhf-json"))
def test_json_to_json_is_the_identity(ws: Workspace) -> None:
    document = pyhf_json.to_document(ws)
    translation = to_pyhf_json(ws)
    assert exact(translation.document) == exact(document)
    assert translation.outcomes == ()


# ------------------------------------------------------------------------------------------------------------- by hand
def simple(**changes: Any) -> Workspace:
    """A signal and a background in two bins."""
    signal = Sample(name="signal", nominal=(3.0, 4.5), modifiers=(NormFactor(name="mu"), Lumi()))
    background = Sample(
        name="background",
        nominal=(50.0, 60.25),
        modifiers=(Lumi(), NormSys(name="JES", lo=0.9, hi=1.1), StatError(name="staterror_SR", data=(5.0, 6.5))),
    )
    settings: dict[str, Any] = {
        "channels": (Channel(name="SR", samples=(signal, background), observed=(52, 61)),),
        "measurements": (
            Measurement(
                name="meas",
                pois=("mu",),
                parameters=(
                    ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.02,)),
                    ParameterConfig(name="mu", inits=(1.0,), bounds=((0.0, 10.0),)),
                ),
            ),
        ),
    }
    return Workspace(**{**settings, **changes})


def test_read_and_write_through_the_public_names(tmp_path: Path) -> None:
    ws = simple()
    assert hft.write(ws, tmp_path / "ws.json") == ()
    assert all_of(hft.read(tmp_path / "ws.json")) == all_of(ws)
    losses = hft.write(ws, tmp_path / "out" / "FitConfig.xml", format="xml")
    assert {o.kind for o in losses} <= {"convention", "carried"}
    again = hft.read(tmp_path / "out" / "FitConfig.xml")
    assert again.conventions == ROOT
    assert model_difference(replace(ws, conventions=same_rules(ROOT, PYHF)), again) is None


def test_write_knows_the_format_by_the_ending_or_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"no format is known by the ending '.txt'; expected .json or .xml"):
        hft.write(simple(), tmp_path / "ws.txt")
    hft.write(simple(), tmp_path / "ws.txt", format="pyhf-json", sidecar=False)
    assert [p.name for p in tmp_path.iterdir()] == ["ws.txt"]
    assert hft.read(tmp_path / "ws.txt") == simple()


def test_the_sidecar_of_a_changed_file_is_ignored_loudly(tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    hft.write(replace(simple(), conventions=ROOT), path)
    path.write_text(path.read_text().replace("60.25", "60.5"))
    loaded = load(path, use_sidecar=True)
    assert not loaded.with_sidecar
    (loss,) = of_kind(loaded.outcomes, "loss")
    assert "the sidecar is ignored" in loss.what
    with pytest.raises(TranslationLoss, match="the sidecar is ignored"):
        check_strict((), loaded.outcomes)


def test_a_reformatted_file_keeps_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    ws = replace(simple(), conventions=ROOT)
    hft.write(ws, path)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1, sort_keys=True))
    assert load(path, use_sidecar=True).workspace == ws
    assert load(path).workspace.conventions == PYHF


def test_a_sidecar_is_not_used_for_a_patched_document(tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    hft.write(replace(simple(), conventions=ROOT), path)
    patch = tmp_path / "patch.json"
    patch.write_text(json.dumps([{"op": "replace", "path": "/observations/0/data/0", "value": 7}]))
    loaded = load(path, patches=[patch], use_sidecar=True)
    assert loaded.workspace.channels[0].observed == (7, 61)
    (loss,) = of_kind(loaded.outcomes, "loss")
    assert "belongs to the file without patches" in loss.what


def test_json_and_xml_of_one_name_share_the_place_of_their_sidecars(tmp_path: Path) -> None:
    ws = replace(simple(), conventions=ROOT)
    hft.write(ws, tmp_path / "ws.json")
    hft.write(simple(), tmp_path / "ws.xml")
    hft.write(simple(), tmp_path / "ws.xml")
    assert all_of(load(tmp_path / "ws.json", use_sidecar=True).workspace) == all_of(ws)
    assert all_of(load(tmp_path / "ws.xml", use_sidecar=True).workspace) == all_of(simple())
    assert not of_kind(load(tmp_path / "ws.xml", use_sidecar=True).outcomes, "loss")
    (tmp_path / "ws.xml").rename(tmp_path / "other.xml")
    assert not load(tmp_path / "other.xml", use_sidecar=True).with_sidecar


def test_what_is_no_sidecar_is_neither_used_nor_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "ws.histfactory.json"
    mine.write_text('{"my": "notes"}')
    with pytest.raises(Unsupported, match="would be replaced by a sidecar, but it is not one"):
        hft.write(simple(), tmp_path / "ws.json")
    with pytest.raises(Unsupported, match="would be replaced by a sidecar, but it is not one"):
        hft.write(simple(), tmp_path / "ws.xml")
    assert [p.name for p in tmp_path.iterdir()] == [mine.name]
    hft.write(simple(), tmp_path / "ws.json", sidecar=False)
    with pytest.raises(InputError, match=r"ws.histfactory.json: sidecar: not a document of the format"):
        load(tmp_path / "ws.json", use_sidecar=True)


def test_strict_knows_losses_and_conventions() -> None:
    exact_one = replace(simple(), channels=(replace(simple().channels[0], edges=((0.0, 1.0, 2.0),)),))
    check_strict(to_pyhf_json(exact_one).outcomes)
    wide = map_modifiers(simple(), lambda _c, _s, m: replace(m, data=(30.0, 30.0)) if isinstance(m, StatError) else m)
    with pytest.raises(TranslationLoss, match="ROOT normalises Gaussian constraints") as refused:
        check_strict(to_xml(wide).outcomes)
    assert "change of CLs(1)" in str(refused.value)
    with pytest.raises(TranslationLoss):  # what was not measured is not known to be small
        check_strict(to_xml(wide, measure=False).outcomes)
    poisson = replace(
        map_modifiers(
            simple(),
            lambda _c, _s, m: replace(m, constraint="poisson") if isinstance(m, StatError) else m,
        ),
        conventions=ROOT,
    )
    (only,) = [s for s in poisson.channels[0].samples if s.name == "background"]
    both = replace(poisson, channels=(replace(poisson.channels[0], samples=(only, replace(only, name="another"))),))
    with pytest.raises(TranslationLoss, match="Poisson constraint of a staterror shared by 2 samples becomes Gaussian"):
        check_strict(to_pyhf_json(replace(both, conventions=PYHF)).outcomes)


def test_the_effect_of_a_loss_is_that_of_the_worst_measurement() -> None:
    first = simple().measurements[0]
    moved = replace(
        first,
        name="moved",
        parameters=(*first.parameters, ParameterConfig(name="JES", auxdata=(11.0,))),
    )
    outcomes = to_xml(simple(measurements=(first, moved))).outcomes
    (loss,) = of_kind(outcomes, "loss")
    assert "measurement 'moved': parameter 'JES'" in loss.where
    assert loss.effect is not None
    assert loss.effect > 1.0
    assert loss.effect_on_cls is not None


def test_a_model_without_parameters_is_translated() -> None:
    ws = Workspace(
        channels=(Channel(name="SR", samples=(Sample(name="b", nominal=(5.0,)),), observed=(4,)),),
        measurements=(Measurement(name="m"),),
    )
    translation = to_xml(ws)
    alone, _ = histfactory_xml.read_back(translation.model)
    assert model_difference(ws, alone) is None
    assert to_pyhf_json(alone).document == to_pyhf_json(ws).document


# ------------------------------------------------------------------------------------------------------- all or nothing
def folder_that_refuses(path: Path) -> Path:
    """A place in which nothing can be made, for the superuser too."""
    path.write_text("")
    return path / "inside"


def test_json_goes_nowhere_if_its_sidecar_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "ws.histfactory.json").mkdir()
    with pytest.raises(MissingInput, match="is a directory"):
        hft.write(simple(), tmp_path / "ws.json")
    assert not (tmp_path / "ws.json").exists()


def test_files_that_exist_survive_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(MissingInput, match="there is no folder"):
        write_files({tmp_path / "a": "new", tmp_path / "missing" / "b": "new"})
    assert (tmp_path / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_pipes_and_links_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe.json", tmp_path / "link", tmp_path / "deep" / "target"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_files({pipe: "to the pipe", link: "new"})
        assert os.read(reader, 100) == b"to the pipe"
        hft.write(simple(), pipe)
        assert json.loads(os.read(reader, 100_000))["version"] == "1.0.0"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "link", "pipe.json"]  # no sidecar of a pipe


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_folders_are_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(MissingInput, match="Permission denied"):
        hft.write(simple(), closed / "ws.json")
    with pytest.raises(MissingInput, match="Permission denied"):
        hft.write(simple(), closed / "xml" / "FitConfig.xml")


def test_xml_into_a_place_that_is_no_folder(tmp_path: Path) -> None:
    inside = folder_that_refuses(tmp_path / "file")
    with pytest.raises(MissingInput, match="cannot be written"):
        hft.write(simple(), inside / "FitConfig.xml")
    with pytest.raises(MissingInput, match="cannot be written"):
        hft.write(simple(), inside / "ws.json")
    with pytest.raises(Unsupported, match="is a file; expected a folder"):
        hft.write(simple(), tmp_path / "file" / "FitConfig.xml")
    (tmp_path / "out" / "FitConfig.histfactory.json").mkdir(parents=True)
    with pytest.raises(MissingInput, match="is a directory"):
        hft.write(simple(), tmp_path / "out" / "FitConfig.xml")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["FitConfig.histfactory.json", "file", "out"]


def test_what_xml_cannot_say_leaves_nothing_behind(tmp_path: Path) -> None:
    negative = map_modifiers(simple(), lambda _c, _s, m: replace(m, lo=-0.5) if isinstance(m, NormSys) else m)
    with pytest.raises(Unsupported, match="negative factor"):
        hft.write(negative, tmp_path / "out" / "FitConfig.xml")
    assert list(tmp_path.iterdir()) == []


def test_written_files_have_usual_permissions(tmp_path: Path) -> None:
    hft.write(simple(), tmp_path / "ws.json")
    (tmp_path / "probe").write_text("")
    assert (tmp_path / "ws.json").stat().st_mode == (tmp_path / "probe").stat().st_mode


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"'pyhf-jsn' is no format that can be written; did you mean 'pyhf-json'\?"):
        hft.write(simple(), tmp_path / "x.json", format="pyhf-jsn")  # type: ignore[arg-type]
    assert not any(tmp_path.iterdir())
