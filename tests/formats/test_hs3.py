"""HS3: what ROOT 6.40 wrote is read as the model that it was made from, and what we write is read by ROOT itself.

The files in ``tests/data/hs3`` were written by ROOT from the cases of the same names, by
``validation/make_reference/hs3_in_root.py export``.
"""

import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from hftranslate.cli import cli
from hftranslate.crosscheck.cases import Case, read_cases
from hftranslate.difference import difference
from hftranslate.doctor import diagnose
from hftranslate.errors import InputError, InvalidWorkspace, TranslationLoss, Unsupported
from hftranslate.formats import which_format
from hftranslate.formats.hs3 import TARGETS, from_document, to_document
from hftranslate.formats.hs3.channels import in_our_order, in_their_order
from hftranslate.formats.json_text import parse_json
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load
from hftranslate.translation.write import to_hs3, write
from hftranslate.workspace import (
    ROOT,
    Channel,
    HistoSys,
    Measurement,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    Workspace,
)
from hftranslate.workspace.parameters import parameter_sets
from tests.conftest import REPOSITORY, shared_files, shared_folder
from tests.likelihood.rounding import ExtendedLikelihood
from tests.mutations import edits

CASES = REPOSITORY / "validation" / "cases"
FILES = REPOSITORY / "tests" / "data" / "hs3"
SCRIPT = REPOSITORY / "validation" / "make_reference" / "hs3_in_root.py"
#: How many mutations are tried; more on demand.
MUTATIONS = int(os.environ.get("MUTATIONS", "300"))
#: ROOT's own numbers and ours.
NLL, YIELDS = 1e-9, 1e-12


def stored(name: str) -> Any:
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


def cases(*, most_bytes: int) -> list[Any]:
    found = (c for c in read_cases(REPOSITORY / "validation" / "cases.toml") if not c.absent)
    return [pytest.param(c, id=c.name) for c in found if c.input.stat().st_size <= most_bytes]


def only_measurement(case: Case) -> Workspace:
    ws = case.workspace(use_sidecar=True)
    return replace(ws, measurements=(ws.measurement(case.measurement),))


class Evaluated:
    """Our likelihood of a workspace, at points by ROOT's names."""

    def __init__(self, workspace: Workspace) -> None:
        self.model, self.data = compile_model(workspace)
        sets = parameter_sets(workspace, workspace.measurements[0], workspace.conventions).values()
        self.names = {root: n for s in sets for n, root in zip(s.names, s.root_names, strict=True)}
        self.starts = list(np.cumsum([0, *(c.n_bins for c in workspace.channels)]))
        self.channels = [c.name for c in workspace.channels]

    def at(self, values: dict[str, float]) -> tuple[float, dict[str, Any]]:
        theta = np.array(self.model.parameters.init)
        for root, value in values.items():
            theta[self.model.parameters.index(self.names[root])] = value
        rates = self.model.rates(theta)
        parts = zip(self.channels, self.starts, self.starts[1:], strict=False)
        return self.model.nll(theta, self.data), {c: rates[i:j] for c, i, j in parts}

    def points(self, n: int, seed: int = 1) -> Iterator[dict[str, float]]:
        """Points by ROOT's names, within the ranges."""
        rng, p = np.random.default_rng(seed), self.model.parameters
        yield {}
        for _ in range(n - 1):
            width = np.where(p.width > 0.0, p.width, 0.3)
            drawn = np.clip(p.init + width * rng.normal(size=len(p)), p.bounds[:, 0], p.bounds[:, 1])
            moved = {root: float(drawn[p.index(name)]) for root, name in self.names.items()}
            yield {root: value for root, value in moved.items() if not p.fixed[p.index(self.names[root])]}


def assert_same_likelihood(one: Workspace, two: Workspace) -> None:
    first, second = Evaluated(one), Evaluated(two)
    assert first.names.keys() == second.names.keys()
    base = None
    for point in first.points(15):
        (nll, rates), (other, others) = first.at(point), second.at(point)
        assert rates.keys() == others.keys()
        for name in rates:
            np.testing.assert_allclose(others[name], rates[name], rtol=YIELDS, atol=1e-12)
        base = other - nll if base is None else base
        assert other - nll - base == pytest.approx(0.0, abs=NLL)


# ----------------------------------------------------------------------------------------------- what ROOT itself wrote
@pytest.mark.parametrize("name", sorted(p.stem for p in FILES.glob("*.json")))
def test_what_root_exports_is_the_model_that_it_was_made_from(name: str) -> None:
    ws, outcomes = from_document(stored(name))
    original = load(CASES / name / "model.xml").workspace
    assert_same_likelihood(original, ws)
    assert [o.kind for o in outcomes if "is read, of 2" in o.what] == ["default"]
    assert ws.conventions == ROOT
    for parameter, other in zip(*(Evaluated(w).model.parameters.bounds for w in (original, ws)), strict=True):
        assert len(parameter) == len(other)
    ours, theirs = (parameter_sets(w, w.measurements[0], ROOT) for w in (ws, original))
    by_root = [
        {r: (i, f) for s in sets.values() for r, i, f in zip(s.root_names, s.inits, s.fixed, strict=True)}
        for sets in (ours, theirs)
    ]
    assert by_root[0] == by_root[1]


@pytest.mark.parametrize("path", [*shared_files("hs3_root_exports/*.json"), *shared_files("hs3/root640_from_xml/*")])
def test_every_shared_export_is_read(path: str) -> None:
    loaded = load(shared_folder() / path)
    assert loaded.format == "hs3"
    assert np.isfinite(Evaluated(loaded.workspace).at({})[0])


@pytest.mark.parametrize("path", shared_files("hs3_root_exports/*.json"))
def test_roots_own_numbers(path: str) -> None:
    reference = shared_folder() / "root_models" / Path(path).name.split(".")[0] / "ref.json"
    if not reference.is_file():
        pytest.skip("no numbers of ROOT for this one")
    model, base = Evaluated(load(shared_folder() / path).workspace), None
    for point in json.loads(reference.read_text())[0]["points"]:
        nll, rates = model.at(point["point"])
        for channel, samples in point["yields"].items():
            np.testing.assert_allclose(rates[channel], np.sum(list(samples.values()), axis=0), rtol=YIELDS)
        base = nll - point["nll"] if base is None else base
        assert nll - point["nll"] - base == pytest.approx(0.0, abs=NLL)


def test_what_is_not_histfactory_is_refused_by_name_and_path() -> None:
    for name, words in [
        ("1ch_bkgRooExp_unbinned", "distributions[1] (in 'model_ch0'): 'mixture_dist' is no HistFactory channel"),
        ("combine_long_exercise_part1_nosys", "'product_dist' is no HistFactory channel"),
    ]:
        with pytest.raises(InputError) as refused:
            load(shared_folder() / "hs3" / "pyhs3" / f"{name}.json")
        assert words in str(refused.value)


def test_uncertainties_in_events_are_known_by_the_ranges() -> None:
    """A document of pyhs3's tests says 3 and 7 events, an older one of the same model 0.06 and 0.13."""
    new, old = (
        load(shared_folder() / "hs3" / "pyhs3" / f"simplemodel_uncorrelated-background_{name}.json").workspace
        for name in ("hs3", "hs3_older")
    )
    assert_same_likelihood(old, new)


# ------------------------------------------------------------------------------------------------------------ dialects
def changed(change: Callable[[dict[str, Any]], object], name: str = "three_channels") -> tuple[Workspace, list[str]]:
    document = stored(name)
    for distribution in document["distributions"]:
        for sample in distribution.get("samples", []):
            for modifier in sample["modifiers"]:
                change(modifier)
    ws, outcomes = from_document(document)
    return ws, [str(o) for o in outcomes]


def test_without_names_of_parameters_they_are_what_root_calls_them() -> None:
    def without(modifier: dict[str, Any]) -> None:
        for key in ("parameter", "parameters", "constraint_name"):
            modifier.pop(key, None) if modifier["name"] != "Lumi" else None

    assert_same_likelihood(from_document(stored("three_channels"))[0], changed(without)[0])


def test_constraints_by_the_newer_key() -> None:
    def renamed(modifier: dict[str, Any]) -> None:
        for key in ("constraint_name", "constraint_type"):
            if key in modifier:
                modifier["constraint"] = modifier.pop(key)

    assert_same_likelihood(from_document(stored("three_channels"))[0], changed(renamed)[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m, None),
        (lambda m: m.pop("parameter", None), "no names of parameters (records of 2024 and 2025)"),
        (lambda m: m.update(constraint="Gauss"), "'constraint' (ROOT's master, open revisions of the standard)"),
        (
            lambda m: m.update(interpolation={"type": "mult", "in": "poly6", "out": "exp"}),
            "interpolation by 'type', 'in' and 'out' (ROOT's master, open revisions of the standard)",
        ),
        (lambda m: m.update(interpolation="log"), "interpolation by name (the standard, pyhs3)"),
    ],
)
def test_the_dialect_is_said_where_it_is_not_that_of_root_640(change: Any, words: str | None) -> None:
    _, said = changed(lambda m: change(m) if m["type"] == "normsys" else None)
    met = [line for line in said if "not in the words of ROOT 6.40" in line]
    assert met == ([] if words is None else [f"rewrite: the document: is not in the words of ROOT 6.40 alone: {words}"])


def test_constant_factors_of_older_exports_are_left_out() -> None:
    """One name in channels of different binning: nothing is shared, because nothing acts."""
    document = stored("three_channels")
    idle = {"constraint": "Const", "name": "shapefactor", "type": "shapesys"}
    for distribution in document["distributions"]:
        for sample in distribution.get("samples", []):
            vals = [0] * len(sample["data"]["contents"])
            sample["modifiers"].append({**idle, "data": {"vals": vals}})
    assert from_document(document)[0] == from_document(stored("three_channels"))[0]


def test_floating_factors_without_an_uncertainty_are_a_shapefactor() -> None:
    ws, _ = from_document(stored("shapefactor"))
    kinds = {type(m) for c in ws.channels for s in c.samples for m in s.modifiers}
    assert ShapeFactor in kinds
    assert ShapeSys not in kinds


@pytest.mark.parametrize(
    ("stated", "normsys", "histosys"),
    [
        (0, "code0", "code0"),
        ("lin", "code0", "code0"),
        ("log", "code1", "code1"),
        ("parabolic", "code2", "code2"),
        ({"type": "mult", "in": "poly6", "out": "exp"}, "code4", "code4"),
    ],
)
def test_interpolation_by_number_and_by_name(stated: Any, normsys: str, histosys: str) -> None:
    def set_code(modifier: dict[str, Any]) -> None:
        if modifier["type"] in ("normsys", "histosys"):
            modifier["interpolation"] = stated

    ws, said = changed(set_code)
    found = [m for c in ws.channels for s in c.samples for m in s.modifiers if isinstance(m, NormSys | HistoSys)]
    assert {m.interpolation for m in found if isinstance(m, NormSys)} == {normsys}
    assert {m.interpolation for m in found if isinstance(m, HistoSys)} <= {histosys}
    assert any("ROOT 6.40 ignores the interpolation" in line for line in said) == any(
        isinstance(m, HistoSys) for m in found
    )


def test_a_gaussian_staterror_that_root_reads_otherwise_is_named() -> None:
    ws, outcomes = from_document(stored("zero_bins"))
    finding = diagnose(ws, with_fit=False).of_kind("root-misreads-staterror")
    assert finding is not None
    assert [p.channel for p in finding.places] == ["SR"]
    assert any("ROOT 6.40 would read it as Poisson" in o.what for o in outcomes)
    document = stored("zero_bins")
    for distribution in document["distributions"]:
        if distribution["type"] == "histfactory_dist":
            distribution["staterror"] = {"constraint_type": "Gauss", "relThreshold": 0.0}
    assert not any("ROOT 6.40 would" in o.what for o in from_document(document)[1])


def test_an_analysis_by_name() -> None:
    document = stored("three_channels")
    asimov, said = from_document(document, analysis="simPdf_asimovData")
    assert not said or "is read, of" not in said[0].what
    assert asimov.measurements[0].name == "simPdf_asimovData"
    assert asimov.channels[0].observed != from_document(document)[0].channels[0].observed
    with pytest.raises(InputError, match="no analysis 'simPdf_obsdata'; did you mean 'simPdf_obsData'"):
        from_document(document, analysis="simPdf_obsdata")


@pytest.mark.parametrize("key", ["analyses", "likelihoods"])
def test_asimov_data_are_never_taken_silently(key: str) -> None:
    document = stored("three_channels")
    if key == "likelihoods":
        del document["analyses"]
    document[key] = [node for node in document[key] if "asimov" in node["name"]]
    _, said = from_document(document)
    assert str(said[0]) == (
        "default: analysis 'simPdf_asimovData': is read; its data are Asimov data, and there are no others"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(type="shapsys"), "a modifier of the type 'shapsys', which HistFactory does not have"),
        (lambda m: m.update(kind="x"), "unknown key 'kind'"),
        (lambda m: m.update(parameter=3, name="x"), "found 3, expected a string"),
        (lambda m: m.update(constraint_type="Cauchy"), "'Cauchy' is neither a type of constraint nor a distribution"),
        (lambda m: m.update(constraint_name="nowhere"), "there is no distribution 'nowhere'"),
        (lambda m: m.update(data={"vals": [0.1]}), "1 numbers for 3 bins"),
        (lambda m: m.update(constraint_type="LogNormal"), "log-normal constraint"),
    ],
)
def test_refusals_have_a_path(change: Any, message: str) -> None:
    document = stored("shapesys_poisson")
    modifiers = [m for d in document["distributions"] for s in d.get("samples", []) for m in s["modifiers"]]
    kind = "normfactor" if "nowhere" in message else "shapesys"
    change(next(m for m in modifiers if m["type"] == kind))
    with pytest.raises(InputError) as refused:
        from_document(document, "x.json")
    assert str(refused.value).startswith("x.json: distributions[")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [("nothing", "constrains no modifier's parameter"), ("mu", "'Lumi' and 'mu' are constrained factors")],
)
def test_an_auxiliary_distribution_that_is_no_histfactory_is_refused(parameter: str, message: str) -> None:
    document = to_hs3(load(CASES / "normsys" / "model.xml").workspace, target="standard", measure=False).document
    assert from_document(document)
    extra = {"name": "extra", "type": "gaussian_dist", "x": parameter, "mean": 1.0, "sigma": 0.1}
    document["distributions"].append(extra)
    document["likelihoods"][0]["aux_distributions"].append("extra")
    with pytest.raises(InputError) as refused:
        from_document(document)
    assert message in str(refused.value)


def test_auxiliary_data_are_refused_where_they_are_there() -> None:
    document = stored("shapesys_poisson")
    for likelihood in document["likelihoods"]:
        likelihood["aux_data"] = ["global_obs_data"]
    assert from_document(document)[0] == from_document(stored("shapesys_poisson"))[0]
    document["data"].append({"name": "global_obs_data", "type": "unbinned"})
    with pytest.raises(InputError, match=r"likelihoods\[1\].aux_data\[0\].*: auxiliary data"):
        from_document(document)


def test_axes_are_read_in_the_order_of_their_bins() -> None:
    values = tuple(range(24))
    assert in_our_order(in_their_order(values, (2, 3, 4)), (2, 3, 4)) == values
    assert in_their_order((0, 1, 2, 3, 4, 5), (2, 3)) == (0, 2, 4, 1, 3, 5)


# ------------------------------------------------------------------------------------------------------------- writing
@pytest.mark.parametrize("case", cases(most_bytes=100_000))
def test_what_is_written_means_the_same_or_says_what_is_lost(case: Case) -> None:
    ws = only_measurement(case)
    written = to_hs3(ws, measure=False)
    back, _ = from_document(parse_json(json.dumps(written.document).encode(), "x"), "x")
    found = difference(replace(ws, conventions=ROOT), replace(back, measurements=back.measurements[:1]))
    lost = any(o.kind == "loss" for o in written.outcomes)
    same = all(c.nll is not None and c.nll <= NLL for c in found.likelihoods)
    assert same or lost or not found.likelihoods


@pytest.mark.parametrize("target", TARGETS)
def test_every_reader_gets_what_is_read_back(target: Any) -> None:
    ws = load(CASES / "three_channels" / "model.xml").workspace
    written = to_hs3(ws, target=target, measure=False)
    assert_same_likelihood(ws, from_document(written.document)[0])


def test_a_gaussian_staterror_is_a_shapesys_for_root_only() -> None:
    ws = load(CASES / "staterror_gaussian" / "model.xml").workspace

    def types(target: Any) -> set[str]:
        document = to_hs3(ws, target=target, measure=False).document
        return {m["type"] for s in document["distributions"][0]["samples"] for m in s["modifiers"]}

    assert "staterror" not in types("root")
    assert "staterror" in types("standard")


def test_a_uniform_term_is_a_loss_for_who_knows_words_only() -> None:
    workspace = load(CASES / "constraint_uniform" / "model.xml").workspace
    told = {target: [o for o in to_hs3(workspace, target=target).outcomes if o.kind == "loss"] for target in TARGETS}
    assert not told["root"]
    assert not told["standard"]
    [loss] = told["pyhs3"]
    assert loss.what.startswith("the uniform constraint (relative uncertainty 0.2) becomes a unit Gaussian")


@pytest.mark.parametrize("name", ["staterror_gaussian", "shapesys_gaussian", "shapesys_poisson", "staterror_poisson"])
def test_for_pyhs3_a_constraint_of_bins_stands_on_one_sample(name: str) -> None:
    workspace = load(CASES / name / "model.xml").workspace
    document = to_hs3(workspace, target="pyhs3").document
    places: dict[str, int] = {}
    for channel in (d for d in document["distributions"] if d["type"] == "histfactory_dist"):
        assert channel["barlow_beeston_method"] == "full"
        for modifier in (m for s in channel["samples"] for m in s["modifiers"] if "parameters" in m):
            assert modifier["type"] in ("staterror", "shapefactor")
            places.setdefault(modifier["parameters"][0], 0)
            places[modifier["parameters"][0]] += modifier["type"] == "staterror"
    assert set(places.values()) == {1}
    assert_same_likelihood(workspace, from_document(document)[0])


def test_for_pyhs3_bins_without_events_are_refused() -> None:
    with pytest.raises(InputError, match="pyhs3 takes no uncertainties of bins without events"):
        to_hs3(load(CASES / "zero_bins" / "model.xml").workspace, target="pyhs3")


def test_for_pyhs3_a_factor_of_zero_is_a_loss() -> None:
    workspace = load(CASES / "normsys" / "model.xml").workspace
    channel = workspace.channels[0]
    sample = channel.samples[0]
    zero = replace(sample, modifiers=(*sample.modifiers, NormSys(name="off", lo=0.0, hi=2.0)))
    without = replace(workspace, channels=(replace(channel, samples=(zero, *channel.samples[1:])),))
    losses = {t: [o.what for o in to_hs3(without, target=t).outcomes if o.kind == "loss"] for t in TARGETS}
    assert losses == {
        "root": ["a factor of 0 becomes 2.22e-16, as ROOT reads it"],
        "pyhs3": ["a factor of 0 becomes 2.22e-16, because pyhs3 takes its logarithm"],
        "standard": [],
    }


@pytest.mark.parametrize(
    ("nominal", "edges", "message"),
    [
        ((1.0, 0.0, 2.0, 3.0), None, "pyhs3 has no value where a bin, here 1, expects no events"),
        ((1.0, 4.0, 2.0, 3.0), ((0.0, 1.0, 2.0), (0.0, 1.0, 2.0)), "the factors of 'shape' to other bins"),
    ],
)
def test_for_pyhs3_what_it_would_evaluate_otherwise_is_refused(nominal: Any, edges: Any, message: str) -> None:
    sample = Sample(name="s", nominal=nominal, modifiers=(NormFactor(name="mu"), ShapeFactor(name="shape")))
    channel = Channel(name="c", samples=(sample,), observed=(1.0,) * 4, edges=edges)
    ws = Workspace(channels=(channel,), measurements=(Measurement(name="m", pois=("mu",)),), conventions=ROOT)
    for target in ("root", "standard"):
        to_hs3(ws, target=target)
    with pytest.raises(Unsupported, match=message):
        to_hs3(ws, target="pyhs3")


def test_interpolation_that_root_ignores_is_a_loss() -> None:
    ws = load(CASES / "histosys" / "model.xml").workspace
    other = replace(
        ws,
        channels=tuple(
            replace(
                c,
                samples=tuple(
                    replace(
                        s,
                        modifiers=tuple(
                            replace(m, interpolation="code0") if isinstance(m, HistoSys) else m for m in s.modifiers
                        ),
                    )
                    for s in c.samples
                ),
            )
            for c in ws.channels
        ),
    )
    for target, lost in (("root", True), ("standard", False)):
        written = to_hs3(other, target=target)  # type: ignore[arg-type]
        losses = [o for o in written.outcomes if o.kind == "loss"]
        assert bool(losses) == lost
        assert not lost or (losses[0].effect is not None and losses[0].effect > 1e-3)


def test_data_are_needed() -> None:
    sample = Sample(name="s", nominal=(1.0,), modifiers=(NormFactor(name="mu"),))
    ws = Workspace(
        channels=(Channel(name="c", samples=(sample,)),), measurements=(Measurement(name="m"),), conventions=ROOT
    )
    with pytest.raises(InvalidWorkspace, match="channel 'c' has no observed data"):
        to_document(ws)


def test_measurements_are_analyses() -> None:
    ws = load(CASES / "measurements" / "model.xml").workspace
    written = to_hs3(ws, measure=False)
    back, _ = from_document(written.document)
    assert {m.name for m in back.measurements} <= {m.name for m in ws.measurements}
    for m in back.measurements:
        assert_same_likelihood(replace(ws, measurements=(ws.measurement(m.name),)), replace(back, measurements=(m,)))


def test_it_goes_through_files_with_a_sidecar(tmp_path: Path) -> None:
    ws = load(CASES / "staterror_twice" / "model.xml").workspace
    write(ws, tmp_path / "m.hs3.json")
    loaded = load(tmp_path / "m.hs3.json", use_sidecar=True)
    assert (loaded.format, loaded.with_sidecar) == ("hs3", True)
    assert loaded.workspace == ws


def test_what_is_lost_is_told_to_whom_it_concerns_before_anything_is_written(tmp_path: Path) -> None:
    model, out, losses = CASES / "constraint_lognormal" / "model.xml", tmp_path / "m.hs3.json", tmp_path / "l.json"
    words = ["json2hs3", str(model), str(out), "--losses", str(losses)]
    found = CliRunner().invoke(cli, [*words, "--strict"])
    assert isinstance(found.exception, TranslationLoss)
    assert not list(tmp_path.iterdir())
    assert CliRunner().invoke(cli, words).exit_code == 0
    kinds = [item["kind"] for item in json.loads(losses.read_text(encoding="utf-8"))]
    assert kinds[:2] == ["loss", "carried"]
    assert load(out).format == "hs3"
    found = CliRunner().invoke(cli, ["json2hs3", str(CASES / "normsys" / "model.xml"), str(out), "--strict"])
    assert found.exit_code == 0


# ------------------------------------------------------------------------------------------------------------- hostile
INTACT = json.dumps(stored("shapesys_poisson"), separators=(",", ":")).encode()


@given(edit=edits())
@settings(max_examples=MUTATIONS, deadline=None)
def test_a_damaged_document_ends_in_one_sentence(edit: Any) -> None:
    """Of one line, and never in anything but a refusal; what is read has a likelihood or is refused there."""
    said = ""
    try:
        ws, _ = from_document(parse_json(edit(INTACT), "x.json"), "x.json")
        compile_model(ws)
    except InputError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (k, v)
        for k in ("analyses", "data", "distributions", "domains", "parameter_points")
        for v in (None, 1, {}, [None])
    ],
)
def test_parts_of_other_types_are_refused(key: str, value: Any) -> None:
    document = copy.deepcopy(stored("shapesys_poisson"))
    document[key] = value
    with pytest.raises(InputError):
        from_document(document)


# -------------------------------------------------------------------------------------------------- judged by ROOT
#: Announced: what HS3, or ROOT's importer, has no word for.
LOST = {"constraint_gamma", "constraint_lognormal", *(f"histosys_code{i}" for i in (0, 1, 2, 5, 6))}
LOST |= {"xml_top_dilepton", "xml_top_dilepton_3channels"}  # a factor of zero is one of 2e-16 for ROOT
IN_THE_SUITE = ("three_channels", "staterror_gaussian", "negative_bins_clipped", "json_staterrors", "shapesys_twice")


# ------------------------------------------------------------------------------------- what ROOT's exporter may write
def test_an_analysis_without_parameters_of_interest_has_a_domain_without_axes() -> None:
    document = stored("lumi_value")
    [domain] = [d for d in document["domains"] if d["name"] == "simPdf_obsData_parameters_of_interest"]
    expected, _ = from_document(document)
    document["analyses"][1]["parameters_of_interest"], domain["axes"] = [], None
    found, _ = from_document(document)
    assert found.channels == expected.channels
    assert found.measurements[0].pois == ()
    del domain["axes"]
    with pytest.raises(InputError, match=r"domains\[5\].*: the key 'axes' is missing"):
        from_document(document)


def test_the_likelihood_of_two_model_configs_is_one() -> None:
    document = stored("lumi_value")
    expected, _ = from_document(document)
    document["likelihoods"] += copy.deepcopy(document["likelihoods"])
    assert from_document(document)[0] == expected
    document["likelihoods"][-1]["data"] = document["likelihoods"][0]["data"]
    with pytest.raises(InputError, match="appears more than once in 'likelihoods'"):
        from_document(document)


def test_a_formula_that_the_exporter_took_apart_is_refused_by_its_path() -> None:
    document = stored("lumi_value")
    document["functions"] = [
        {"name": "f_part0", "type": "generic_function", "expression": "0.5"},
        {"name": "f_part1", "type": "generic_function", "expression": "2+x[1]"},
        {"name": "f", "type": "product", "factors": ["f_part0", "f_part1"]},
    ]
    document["distributions"][0]["samples"][0]["modifiers"].append({"name": "f", "type": "custom"})
    channel = document["distributions"][0]
    assert channel["type"] == "histfactory_dist"
    with pytest.raises(InputError, match=r"functions\[1\] \(in 'f_part1'\): .* there is no dependent @1"):
        from_document(document)


def test_a_constant_of_a_function_has_no_range() -> None:
    document = stored("lumi_value")
    document["functions"] = [{"name": "f", "type": "generic_function", "expression": "erf(frac)+1"}]
    document["distributions"][0]["samples"][0]["modifiers"].append({"name": "f", "type": "custom"})
    for point in document["parameter_points"]:
        point["parameters"].append({"name": "frac", "value": 0.7, "const": True})
    workspace, _ = from_document(document)
    model, _ = compile_model(workspace)
    assert model.parameters.fixed[model.parameters.index("frac")]


def test_a_luminosity_of_another_name_is_said() -> None:
    text = json.dumps(stored("lumi_value")).replace('"Lumi"', '"LUMI_13TeV"')
    workspace, outcomes = from_document(json.loads(text))
    assert ("parameter 'LUMI_13TeV'", "is called 'Lumi' here, as ROOT's HistFactory would call it") in [
        (o.where, o.what) for o in outcomes
    ]
    assert_same_likelihood(from_document(stored("lumi_value"))[0], workspace)


def test_it_is_recognised_by_its_version_whatever_comes_first() -> None:
    text = json.dumps({"$schema": "x", **stored("lumi_value")})
    assert which_format(text.encode(), "x.json") == "hs3"
    with pytest.raises(InputError, match=r"the document: unknown key '\$schema'"):
        from_document(json.loads(text))


def by_roots_names(workspace: Workspace, document: Any) -> tuple[dict[str, str], list[dict[str, float]]]:
    """What parameters are called in a document, and points at which both are evaluated."""
    model, back = Evaluated(workspace), Evaluated(from_document(document)[0])
    renamed = dict(zip(sorted(model.names), sorted(back.names), strict=False))
    names = {a: a if a in back.names else b for a, b in renamed.items()}
    return names, [p for p in model.points(13, seed=3) if all(names[n] in back.names for n in p)]


def as_root_orders(values: Any, channel: Channel) -> Any:
    """ROOT numbers bins of several axes in another order."""
    return np.array(in_their_order(values, [len(e) - 1 for e in channel.edges])) if channel.edges else values


def assert_root_agrees(case: Case, exact: ExtendedLikelihood, ours: list[float], theirs: list[Any]) -> None:
    """Within what double precision can say of each rate and NLL, as extended precision knows it; we and ROOT."""
    for i, point in enumerate(theirs):
        for channel in exact.workspace.channels:
            rates = exact.rates[channel.name]
            total = np.sum(list(point["yields"][channel.name].values()), axis=0)
            expected, error = (as_root_orders(v[i].astype(float), channel) for v in (rates.value, rates.error))
            assert np.all(np.abs(total - expected) <= YIELDS * expected + error), (case.name, channel.name, i)
        if point["nll"] is None:  # a probability of zero has no logarithm, there and here
            assert exact.nll.value[i] == np.inf == ours[i], case.name
            continue
        rounding = exact.nll.error[0] + exact.nll.error[i]
        for nll, base in ((point["nll"], theirs[0]["nll"]), (ours[i], ours[0])):
            off = (nll - exact.nll.value[i]) - (base - exact.nll.value[0])
            assert abs(float(off)) <= rounding, (case.name, i)


@pytest.mark.root
def test_root_reads_what_is_written(tmp_path: Path, warm_root: str) -> None:
    """Yields and NLL at every point of the references, by ROOT's importer; or the loss was announced."""
    wanted = os.environ.get("HS3_CASES", " ".join(IN_THE_SUITE)).split()
    jobs, chosen = [], []
    for parameter in cases(most_bytes=3_000_000):
        case: Case = parameter.values[0]
        if wanted != ["all"] and case.name not in wanted:
            continue
        ws = only_measurement(case)
        written = to_hs3(ws, measure=False)
        assert any(o.kind == "loss" for o in written.outcomes) == (case.name in LOST)
        if case.name in LOST:
            continue
        names, points = by_roots_names(ws, written.document)
        path = tmp_path / f"{case.name}.json"
        path.write_text(json.dumps(written.document), encoding="utf-8")
        jobs.append({"file": str(path), "points": [{"values": {names[n]: v for n, v in p.items()}} for p in points]})
        chosen.append((case, ws, points))
    (tmp_path / "jobs").write_text(json.dumps(jobs), encoding="utf-8")
    arguments = ["evaluate", str(tmp_path / "jobs"), "-o", str(tmp_path / "out")]
    subprocess.run([warm_root, str(SCRIPT), *arguments], check=True, capture_output=True)
    answers = json.loads((tmp_path / "out").read_text(encoding="utf-8"))
    assert len(answers) == len(jobs) > 0
    for (case, ws, points), answer in zip(chosen, answers, strict=True):
        under_root = Evaluated(replace(ws, conventions=ROOT))
        ours = [under_root.at(p)[0] for p in points]
        assert_root_agrees(case, ExtendedLikelihood(ws, points), ours, answer["points"])
