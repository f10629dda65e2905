import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.errors import FormatError, InputError, InvalidWorkspace, Unsupported
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes
from hftranslate.formats.pyhf_json import from_document, known_samples, to_document
from hftranslate.formats.schemas import violation
from hftranslate.workspace import (
    PYHF,
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from tests.equivalence import all_of
from tests.strategies import workspaces

INVALID = sorted((Path(__file__).parents[1] / "data" / "invalid").glob("pyhf_*.json"))

DOCUMENT: dict[str, Any] = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "signal",
                    "data": [5, 4.5],
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "data": None},
                        {"name": "JES", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}},
                        {"name": "lumi", "type": "lumi", "data": None},
                    ],
                },
                {
                    "name": "background",
                    "data": [50.0, 0],
                    "modifiers": [
                        {"name": "JES", "type": "histosys", "data": {"lo_data": [49, 0.5], "hi_data": [51.5, 1.0]}},
                        {"name": "stat", "type": "staterror", "data": [1.5, 0.0]},
                        {"name": "shape", "type": "shapesys", "data": [5.0, 0]},
                        {"name": "free", "type": "shapefactor", "data": None},
                    ],
                },
                {"name": "other", "data": [0.0, 1.0], "modifiers": []},
            ],
        }
    ],
    "measurements": [
        {
            "name": "fit",
            "config": {
                "poi": "mu",
                "parameters": [
                    {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "inits": [1], "bounds": [[0.5, 1.5]]},
                    {"name": "shape", "factors": [100.0, 1], "fixed": True},
                ],
            },
        },
        {"name": "", "config": {"poi": "", "parameters": []}},
    ],
    "observations": [{"name": "SR", "data": [55, 1.0]}],
    "version": "1.0.0",
}


def identical(a: object, b: object) -> bool:
    """Equal, with 50 and 50.0 told apart, whatever the order of keys."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def documents(shared: Path) -> Iterator[tuple[Path, Any]]:
    files = [*(shared / "workspaces").rglob("*.json*"), *(shared / "xml_as_pyhf").rglob("*.json*")]
    for file in sorted([*files, *(shared / "root_models").rglob("pyhf.json")]):
        yield file, parse_json(read_bytes(file), file.name)


def test_what_the_words_mean() -> None:
    ws = from_document(DOCUMENT)
    mu, signal_jes, lumi = ws.channel("SR").samples[0].modifiers
    assert (mu, lumi) == (NormFactor(name="mu"), Lumi(name="lumi"))
    assert signal_jes == NormSys(name="JES", lo=0.9, hi=1.1, interpolation="code4")
    assert ws.channel("SR").samples[1].modifiers == (
        HistoSys(name="JES", lo_data=(49, 0.5), hi_data=(51.5, 1.0), interpolation="code4p"),
        StatError(name="stat", data=(1.5, 0.0), constraint="gaussian", threshold=0.0),
        ShapeSys(name="shape", data=(5.0, 0), relative=False, constraint="poisson"),
        ShapeFactor(name="free"),
    )
    assert [m.pois for m in ws.measurements] == [("mu",), ()]
    assert ws.measurement("fit").parameters[1] == ParameterConfig(name="shape", factors=(100.0, 1), fixed=True)
    assert ws.conventions == PYHF
    assert ws.annotations == ()
    assert repr(ws.channels[0].observed) == "(55, 1.0)"


def test_the_document_comes_back_in_pyhfs_order_of_keys() -> None:
    document = to_document(from_document(DOCUMENT))
    assert identical(document, DOCUMENT)
    assert json.dumps(document) == json.dumps(document, sort_keys=True)


@settings(deadline=None, max_examples=50)
@given(workspaces("pyhf-json"))
def test_every_workspace_that_json_can_say_round_trips(ws: Workspace) -> None:
    document = to_document(ws)
    assert violation(document, "workspace") is None
    back = from_document(parse_json(dump_json(document).encode(), "x"))
    assert back == ws
    assert all_of(back) == all_of(ws)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(workspaces("any"))
def test_any_workspace_is_said_in_full_or_refused_by_name(ws: Workspace) -> None:
    message, document = "", None
    try:
        document = to_document(ws)
    except Unsupported as error:
        message = str(error)
    if document is None:
        assert "pyhf JSON 1.0.0 cannot say" in message
    else:
        assert violation(document, "workspace") is None
        from_document(document)


@pytest.mark.slow
def test_real_documents_round_trip_identically(shared: Path) -> None:
    count = 0
    for file, document in documents(shared):
        if file.parent.name == "normfactor_twice":
            with pytest.raises(InvalidWorkspace, match="normfactor 'k' appears more than once on the same sample"):
                from_document(document)
            continue
        ws = from_document(document, file.name)
        assert identical(to_document(ws), document), file
        assert from_document(to_document(ws)) == ws, file
        count += 1
    assert count > 80


def test_real_documents_follow_the_schema(shared: Path) -> None:
    for file, document in documents(shared):
        if file.stat().st_size < 60_000:  # the judge takes seconds for the large ones
            assert violation(document, "workspace") is None, file


# ------------------------------------------------------------------------------------------------- the typed reader


REPLACEMENTS = [None, True, 0, 1.5, "", "lumi", "normsys", [], [1.0], [True], [[1]], ["x"], {}, {"name": "x"}]


def nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Each container with each of its keys or indices."""
    keys: Any = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [pair for key in keys for pair in [(tree, key), *nodes(tree[key])]]


def judge(document: Any) -> None:
    """The reader and the schema library must agree."""
    refusal: InputError | None = None
    try:
        from_document(document, "mutant")
    except (FormatError, InvalidWorkspace) as error:
        refusal = error
    found = violation(document, "workspace")
    assert isinstance(refusal, FormatError) == (found is not None), f"reader: {refusal!r}; schema: {found}"


@pytest.mark.slow
def test_reader_and_schema_agree_on_every_single_mutation() -> None:
    judge(DOCUMENT)
    for i in range(len(nodes(DOCUMENT))):
        for change in ["delete", "unknown key", "item", *REPLACEMENTS]:
            document = copy.deepcopy(DOCUMENT)
            container, key = nodes(document)[i]
            if change == "delete":
                del container[key]
            elif change == "unknown key":
                if isinstance(container, dict):
                    container["unknown"] = container[key]
            elif change == "item":
                if isinstance(container, list):
                    container.append(copy.deepcopy(container[key]))
            else:
                container[key] = change
            judge(document)


@settings(deadline=None, max_examples=50)
@given(workspaces("pyhf-json"), st.data())
def test_reader_and_schema_agree_on_mutations_of_generated_documents(ws: Workspace, data: st.DataObject) -> None:
    document = to_document(ws)
    for _ in range(data.draw(st.integers(1, 3))):
        places = nodes(document)
        if not places:
            break
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        action = data.draw(st.sampled_from(["delete", "replace", "graft", "rename"]))
        if action == "delete":
            del container[key]
        elif action == "replace":
            container[key] = copy.deepcopy(data.draw(st.sampled_from(REPLACEMENTS)))
        elif action == "graft":
            other, there = places[data.draw(st.integers(0, len(places) - 1))]
            container[key] = copy.deepcopy(other[there])
        elif isinstance(container, dict):
            container[data.draw(st.sampled_from(["name", "data", "type", "fixed", "bounds", "x"]))] = container.pop(key)
    judge(document)


@pytest.mark.parametrize("document", [None, True, 1, "x", [], [1], {}, {"channels": 1}, [[[]]]])
def test_reader_and_schema_agree_on_other_things(document: object) -> None:
    judge(document)


def test_deep_nesting_is_refused_without_a_traceback() -> None:
    nested: Any = []
    for _ in range(900):
        nested = [nested]
    for key in ("channels", "version", "observations"):
        with pytest.raises(FormatError):
            from_document(DOCUMENT | {key: nested})


@pytest.mark.parametrize("file", INVALID, ids=lambda f: f.stem)
def test_invalid_documents_give_the_expected_message(file: Path) -> None:
    with pytest.raises(InputError) as caught:
        from_document(parse_json(read_bytes(file), file.name), file.name)
    expected = file.with_suffix(".error.txt").read_text(encoding="utf-8")
    assert f"{type(caught.value).__name__}: {caught.value}\n" == expected


def test_there_are_invalid_documents() -> None:
    assert len(INVALID) > 40


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("workspaces/nextstat_observations_length_mismatch", InvalidWorkspace, "'singlechannel': observed data has 1"),
        ("workspaces/nextstat_histosys_template_length_mismatch", InvalidWorkspace, "'shape_sys': hi_data has 1"),
        ("workspaces/nextstat_constraint_key", FormatError, r"parameters\[1\]: unknown key 'constraint'"),
        ("workspaces/pyhf_unknown_schema_version", FormatError, "version '1.1.0' of the schema is not known"),
        ("models/pyhf_model_duplicate_channels", FormatError, "this is a model without measurements"),
        ("models/pyhf_model_duplicate_modifiers", FormatError, "this is a model without measurements"),
        ("patchsets/pyhf_patchset_bad_duplicate_patch_name", FormatError, "this is a patch set"),
        ("patches/MA5_RegionA_sig", FormatError, "this is a JSON patch"),
    ],
)
def test_broken_documents_are_refused(shared: Path, name: str, kind: type[Exception], message: str) -> None:
    file = shared / "broken" / f"{name}.json"
    with pytest.raises(kind, match=message):
        from_document(parse_json(read_bytes(file), file.name), file.name)


@pytest.mark.parametrize("region", ["SRA", "SRC"])
def test_a_workspace_whose_patches_are_broken_is_fine_alone(shared: Path, region: str) -> None:
    file = shared / "broken/workspaces" / f"sbottom_simplified_{region}_BkgOnly_without_lumi_config.json"
    from_document(parse_json(read_bytes(file), file.name))


@pytest.mark.parametrize("model", ["duplicate_channels", "duplicate_modifiers"])
def test_broken_models_are_refused_also_as_workspaces(shared: Path, model: str) -> None:
    file = shared / "broken/models" / f"pyhf_model_{model}.json"
    document: Any = parse_json(read_bytes(file), file.name)
    channels = document["channels"]
    observations = [{"name": c["name"], "data": c["samples"][0]["data"]} for c in channels]
    full = {"channels": channels, "observations": observations, "version": "1.0.0"}
    full["measurements"] = [{"name": "m", "config": {"poi": "", "parameters": []}}]
    with pytest.raises(InvalidWorkspace, match=r"two observations|more than once"):
        from_document(full)


# ---------------------------------------------------------------------------------------------------- observations


def with_observations(*names: str) -> dict[str, Any]:
    channels = [{"name": n, "samples": [{"name": "s", "data": [1], "modifiers": []}]} for n in ("A", "B")]
    observations = [{"name": n, "data": [i]} for i, n in enumerate(names)]
    return DOCUMENT | {"channels": channels, "observations": observations}


@pytest.mark.parametrize("names", ["AB", "BA", "XAB", "BXAY"])
def test_the_order_of_observations_and_those_of_absent_channels_come_back(names: str) -> None:
    document = with_observations(*names)
    ws = from_document(document)
    assert identical(to_document(ws), document)
    assert bool(ws.annotations) == (names != "AB")


def test_remembered_observations_do_not_hinder_editing() -> None:
    ws = from_document(with_observations("B", "X", "A"))
    kept, other = ws.channels
    edited = replace(ws, channels=(replace(other, name="X"), replace(kept, name="C")))
    assert [(o["name"], o["data"]) for o in to_document(edited)["observations"]] == [("X", [0]), ("C", [2])]


# ---------------------------------------------------------------------------------------------------------- refusals


def build(modifier: Any = None, channel: Any = None, measurement: Any = None, **more: Any) -> Workspace:
    sample = Sample(name="bkg", nominal=(1.0,), modifiers=(modifier,) if modifier else ())
    return Workspace(
        channels=(Channel(**{"name": "SR", "samples": (sample,), "observed": (1,)} | (channel or {})),),
        measurements=(Measurement(**{"name": "m"} | (measurement or {})),),
        **more,
    )


def settings_of(**attributes: Any) -> dict[str, Any]:
    return {"parameters": (ParameterConfig(name="p", **attributes),)}


@pytest.mark.parametrize(
    ("workspace", "message"),
    [
        (build(StatError(name="x", data=(1,), constraint="poisson")), "'SR', sample 'bkg', staterror 'x'.*poisson"),
        (build(StatError(name="x", data=(1,), threshold=0.05)), "staterror 'x'.*the threshold 0.05"),
        (build(ShapeSys(name="x", data=(1,), constraint="gaussian")), "shapesys 'x'.*a gaussian constraint"),
        (build(ShapeSys(name="x", data=(1,), relative=True)), "shapesys 'x'.*relative uncertainties"),
        (build(NormSys(name="x", lo=1, hi=1, interpolation="code1")), "normsys 'x'.*the interpolation 'code1'"),
        (build(HistoSys(name="x", lo_data=(1,), hi_data=(1,), interpolation="code0")), "histosys 'x'.*'code0'"),
        (build(Lumi(name="Lumi")), "lumi 'Lumi'.*another name of the luminosity"),
        (build(channel={"observed": None}), "channel 'SR': .*no data"),
        (build(measurement={"pois": ("a", "b")}), "measurement 'm': .*several parameters of interest: a, b"),
        (build(measurement={"constraint_terms": (ConstraintTerm(name="JES", kind="gamma"),)}), "'JES': .*'gamma'"),
        (build(functions=(Function(name="f", expression="1", dependents=""),)), "function 'f': .*derived parameters"),
        (build(measurement=settings_of(fixed=(True, False))), "parameter 'p': .*only some of its entries are fixed"),
        (build(measurement=settings_of(fixed=())), "parameter 'p': .*an empty list of fixed"),
        (build(measurement=settings_of(inits=())), "parameter 'p': .*an empty list of inits"),
    ],
)
def test_what_the_schema_cannot_say_is_refused_by_name(workspace: Workspace, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        to_document(workspace)


def test_equal_flags_become_one() -> None:
    document = to_document(build(measurement=settings_of(fixed=(True, True))))
    assert document["measurements"][0]["config"]["parameters"] == [{"fixed": True, "name": "p"}]


def test_known_samples_are_not_read_again() -> None:
    from tests.signal_grid.grid import background

    document = background()
    first = from_document(document)
    known = known_samples(document, first)
    other = {**document, "channels": [{**c, "samples": list(c["samples"])} for c in document["channels"]]}
    other["channels"][0]["samples"][1] = {"name": "new", "data": [1, 2], "modifiers": []}
    second = from_document(other, known=known)
    assert second == from_document(other)
    assert second.channels[0].samples[0] is first.channels[0].samples[0]
    assert second.channels[0].samples[1].name == "new"
