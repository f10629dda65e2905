"""What `inspect` shows."""

from dataclasses import replace

from hftranslate.doctor.inspect import summary, summary_text
from hftranslate.workspace import (
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    StatError,
)
from tests.formats.test_dialect_pyhf_json import MU, lumi, model, sample


def test_facts() -> None:
    ws = model(
        sample("s", MU, Lumi()),
        sample("b", StatError(name="stat", data=(5.0, 0.0)), ShapeFactor(name="f")),
        settings=(lumi(), ParameterConfig(name="f", fixed=True)),
        pois=("mu", "elsewhere"),
    )
    facts = summary(ws)
    assert facts["channels"] == [
        {"name": "SR", "bins": 2, "samples": ["s", "b"], "nominal": 220.0, "observed": 111.0},
    ]
    assert facts["samples"] == ["b", "s"]
    assert facts["modifiers"] == {"normfactor": 1, "lumi": 1, "staterror": 1, "shapefactor": 1}
    assert {p["name"]: p["size"] for p in facts["parameters"]} == {"lumi": 1, "mu": 1, "f": 2, "stat": 2}
    (measurement,) = facts["measurements"]
    assert measurement["pois"] == ["mu", "elsewhere"]
    assert measurement["unknown_pois"] == ["elsewhere"]
    assert set(measurement["constant"]) == {"lumi", "f[0]", "f[1]", "stat[1]"}
    assert facts["conventions"] == "root"
    shown = summary_text(ws)
    assert "parameter of interest: mu, elsewhere (used by no modifier: elsewhere)" in shown
    assert "f     shapefactor[2]" in shown


def test_what_is_missing_is_shown_as_missing() -> None:
    ws = model(sample("s", Lumi()), pois=())
    ws = replace(ws, channels=(Channel(name="SR", samples=ws.channels[0].samples),), conventions=ROOT)
    assert summary(ws)["channels"][0]["observed"] is None
    assert summary(ws)["measurements"][0]["constant"] == []
    shown = summary_text(ws)
    assert "100 / no data" not in shown
    assert "110 / no data" in shown
    assert "parameter of interest: none" in shown


def test_a_model_without_modifiers() -> None:
    ws = replace(
        model(Sample(name="b", nominal=(5.0, 6.0))),
        measurements=(Measurement(name="m"),),
    )
    shown = summary_text(ws)
    assert "modifiers: none" in shown
    assert "parameters (0 sets, 0 in all)" in shown


def test_long_lists_of_constants_are_cut() -> None:
    ws = model(
        sample("s", MU, ShapeFactor(name="f"), nominal=(1.0,) * 12),
        settings=(ParameterConfig(name="f", fixed=True),),
    )
    assert "constant: f[0], f[1]" in summary_text(ws)
    assert "and 4 more" in summary_text(ws)


def test_functions_and_constraint_terms() -> None:
    ws = model(
        sample("s", NormFactor(name="f")),
        sample("b", NormSys(name="a", lo=0.9, hi=1.1)),
        pois=("x", "f"),
        constraint_terms=(ConstraintTerm(name="a", kind="gamma", relative_uncertainty=0.5),),
    )
    functions = (
        Function(name="f", expression="sqrt(x)*beta_a", dependents="x[1,0,3],beta_a[1,0,10]"),
        Function(name="unused", expression="2*y", dependents="y[1,0,2]"),
    )
    ws = replace(ws, functions=functions)
    facts = summary(ws)
    kinds = {p["name"]: p["kind"] for p in facts["parameters"]}
    assert kinds == {"a": "alpha", "beta_a": "gamma constraint", "x": "function"}
    expected = {"name": "f", "expression": "sqrt(x)*beta_a", "parameters": ["x", "beta_a"]}
    assert facts["functions"] == [expected]
    (measurement,) = facts["measurements"]
    assert measurement["unknown_pois"] == ["f"]
    assert measurement["constraint_terms"] == [{"name": "a", "kind": "gamma", "relative_uncertainty": 0.5}]
    shown = summary_text(ws)
    assert "x       of a function" in shown
    assert "f = sqrt(x)*beta_a  a function of x, beta_a" in shown
    assert "constraint of a: gamma (0.5)" in shown
