"""Each kind of trouble is planted in a model that has none, and found where it was planted."""

import json
from dataclasses import replace
from importlib import import_module

import pytest
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.doctor import SEVERITIES, Diagnosis, at_least, diagnose, fitting, found, worst
from hftranslate.doctor import report as reports
from hftranslate.doctor.findings import Finding, Place
from hftranslate.errors import FitFailed
from hftranslate.formats import pyhf_json
from hftranslate.workspace import (
    ROOT,
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

engine = import_module("hftranslate.inference.minimize")  # the name in its room is the function


def channel(name="SR", *, bkg=(), sig=(), nominal=(100.0, 80.0), signal=(5.0, 10.0), observed=(103, 88), extra=()):
    return Channel(
        name=name,
        samples=(
            Sample(name="sig", nominal=signal, modifiers=(NormFactor(name="mu"), *sig)),
            Sample(name="bkg", nominal=nominal, modifiers=(NormSys(name="xsec", lo=0.9, hi=1.1), *bkg)),
            *extra,
        ),
        observed=observed,
    )


def workspace(*channels, parameters=(), terms=(), pois=("mu",), functions=(), conventions=None):
    measurement = Measurement(name="meas", pois=pois, parameters=parameters, constraint_terms=terms)
    ws = Workspace(channels=channels or (channel(),), measurements=(measurement,), functions=functions)
    return ws if conventions is None else replace(ws, conventions=conventions)


def of(kind, ws, **options) -> Finding:
    diagnosis = diagnose(ws, **options)
    finding = diagnosis.of_kind(kind)
    assert finding is not None, f"found only {[f.kind for f in diagnosis.findings]}"
    return finding


def test_a_sound_model_has_no_findings():
    bkg = (
        HistoSys(name="shape", lo_data=(95.0, 82.0), hi_data=(105.0, 78.0)),
        StatError(name="staterror_SR", data=(3.0, 4.0)),
    )
    assert diagnose(workspace(channel(bkg=bkg))).findings == ()


#: kind, severity, the model with the defect, and what the place of it says
PLANTED = [
    ("negative-bin", "error", workspace(channel(nominal=(100.0, -20.0))), "channel SR, bin 1: -10 expected"),
    (
        "negative-nominal",
        "warning",
        workspace(channel(extra=(Sample(name="fakes", nominal=(-3.0, 2.0)),))),
        "channel SR, sample fakes, bin 0: -3 of 102 in the bin",
    ),
    (
        "data-without-expectation",
        "error",
        workspace(channel(nominal=(100.0, 0.0), signal=(5.0, 0.0))),
        "channel SR, bin 1: 88 observed",
    ),
    ("data-without-background", "warning", workspace(channel(nominal=(100.0, 0.0))), "channel SR, bin 1: 88 observed"),
    (
        "signal-without-background",
        "note",
        workspace(channel(nominal=(100.0, 0.0), observed=(103, 0))),
        "channel SR, bin 1: 0 observed",
    ),
    (
        "empty-bin",
        "note",
        workspace(channel(nominal=(100.0, 0.0), signal=(5.0, 0.0), observed=(103, 0))),
        "channel SR, bin 1: 0 observed",
    ),
    (
        "uncertainty-on-empty-bin",
        "warning",
        workspace(
            channel(extra=(Sample(name="x", nominal=(1.0, 0.0), modifiers=(ShapeSys(name="s", data=(0.1, 0.5)),)),))
        ),
        "channel SR, sample x, bin 1, parameter s: 0.5 on 0 events",
    ),
    (
        "uncertainty-on-empty-bin",
        "warning",
        workspace(
            channel(extra=(Sample(name="x", nominal=(1.0, 0.0), modifiers=(StatError(name="s", data=(0.1, 0.5)),)),))
        ),
        "channel SR, bin 1, parameter s: 0.5 on 0 events of the samples that share it",
    ),
    (
        "huge-bin-uncertainty",
        "warning",
        workspace(channel(bkg=(StatError(name="s", data=(1.0, 120.0)),))),
        "channel SR, bin 1, parameter s: 150% (gaussian constraint)",
    ),
    (
        "shared-shapesys",
        "warning",
        workspace(
            channel(
                bkg=(ShapeSys(name="s", data=(10.0, 8.0)),),
                extra=(Sample(name="x", nominal=(10.0, 10.0), modifiers=(ShapeSys(name="s", data=(3.0, 3.0)),)),),
            )
        ),
        "channel SR, sample bkg, parameter s: shared by 2 samples",
    ),
    (
        "staterror-with-signal",
        "note",
        workspace(channel(bkg=(StatError(name="s", data=(3.0, 3.0)),), sig=(StatError(name="s", data=(1.0, 4.0)),))),
        "channel SR, bin 1, parameter s: 64% of the variance comes from the signal",
    ),
    (
        "staterror-over-channels",
        "note",
        workspace(
            channel(bkg=(StatError(name="s", data=(3.0, 3.0)),)),
            channel("CR", bkg=(StatError(name="s", data=(3.0, 3.0)),)),
        ),
        "parameter s: channels CR, SR",
    ),
    (
        "normsys-not-positive",
        "error",
        workspace(channel(bkg=(NormSys(name="a", lo=0.0, hi=1.5),))),
        "channel SR, sample bkg, parameter a: lo 0, hi 1.5",
    ),
    (
        "one-sided",
        "warning",
        workspace(channel(bkg=(NormSys(name="a", lo=1.05, hi=1.1),))),
        "channel SR, sample bkg, bin 0, parameter a: +4.8% at -1 sigma, +9.5% at +1 sigma of the bin's total",
    ),
    (
        "half-variation",
        "note",
        workspace(channel(bkg=(HistoSys(name="a", lo_data=(100.0, 80.0), hi_data=(121.0, 80.0)),))),
        "channel SR, sample bkg, bin 0, parameter a: +20.0% of the bin's total, nothing at -1 sigma",
    ),
    (
        "huge-variation",
        "warning",
        workspace(
            channel(extra=(Sample(name="x", nominal=(5.0, 10.0), modifiers=(NormSys(name="a", lo=0.2, hi=5.0),)),))
        ),
        "channel SR, sample x, bin 1, parameter a: scaled by 5, 40.0% of the bin's total",
    ),
    (
        "huge-variation-of-small-sample",
        "note",
        workspace(
            channel(extra=(Sample(name="x", nominal=(0.1, 0.1), modifiers=(NormSys(name="a", lo=0.2, hi=5.0),)),))
        ),
        "channel SR, sample x, bin 1, parameter a: scaled by 5, 0.4% of the bin's total",
    ),
    (
        "shape-not-normalised",
        "warning",
        workspace(
            channel(
                bkg=(
                    NormSys(name="a", lo=0.9, hi=1.1),
                    HistoSys(name="a", lo_data=(90.0, 72.0), hi_data=(110.0, 88.0)),
                )
            )
        ),
        "channel SR, sample bkg, parameter a: shapes -10.0% and +10.0%, beside factors 0.9 and 1.1",
    ),
    (
        "systematic-without-effect",
        "warning",
        workspace(channel(bkg=(NormSys(name="a", lo=1.0, hi=1),))),
        "parameter a: no modifier of it changes any yield",
    ),
    (
        "variation-without-effect",
        "note",
        workspace(channel(sig=(NormSys(name="xsec", lo=1.0, hi=1.0),))),
        "channel SR, sample sig, parameter xsec: up and down are the nominal yields",
    ),
    (
        "duplicated-systematic",
        "warning",
        workspace(channel(bkg=(NormSys(name="xsec_again", lo=0.9, hi=1.1),))),
        "parameter xsec: the same as xsec_again",
    ),
    (
        "unused-parameter",
        "note",
        workspace(parameters=(ParameterConfig(name="xsecc", inits=(0.1,)),)),
        "parameter xsecc: settings; did you mean 'xsec'?",
    ),
    (
        "unused-parameter",
        "note",
        workspace(terms=(ConstraintTerm(name="nobody", kind="gamma", relative_uncertainty=0.1),)),
        "parameter nobody: gamma constraint term; there are 'mu', 'xsec'",
    ),
    (
        "unused-parameter",
        "note",
        workspace(functions=(Function(name="f", expression="mu*2", dependents="mu"),)),
        "parameter f: a Function that no modifier uses",
    ),
    (
        "names-alike",
        "warning",
        workspace(channel(bkg=(NormSys(name="XSEC", lo=0.8, hi=1.2),))),
        "parameter XSEC: and xsec",
    ),
    (
        "constraint-term-without-effect",
        "note",
        workspace(
            channel(bkg=(HistoSys(name="h", lo_data=(95.0, 82.0), hi_data=(105.0, 78.0)),)),
            terms=(ConstraintTerm(name="h", kind="lognormal", relative_uncertainty=0.1),),
        ),
        "parameter h: lognormal constraint term",
    ),
    ("no-poi", "note", workspace(pois=()), "measurement meas"),
    ("poi-unused", "note", workspace(pois=("mu_SIG",)), "parameter mu_SIG"),
    ("poi-without-effect", "error", workspace(channel(signal=(0.0, 0.0))), "parameter mu: it changes no bin"),
    (
        "poi-constant",
        "warning",
        workspace(parameters=(ParameterConfig(name="mu", fixed=True),)),
        "parameter mu: constant at 1",
    ),
    (
        "poi-starts-at-bound",
        "warning",
        workspace(parameters=(ParameterConfig(name="mu", inits=(10.0,)),)),
        "parameter mu: starts at 10, range [0, 10]",
    ),
    ("poi-constrained", "warning", workspace(pois=("xsec",)), "parameter xsec: prior uncertainty 1"),
    (
        "poi-range",
        "warning",
        workspace(parameters=(ParameterConfig(name="mu", inits=(0.3,), bounds=((0.0, 0.5),)),)),
        "parameter mu: starts at 0.3, range [0, 0.5]",
    ),
    (
        "start-outside-range",
        "error",
        workspace(parameters=(ParameterConfig(name="xsec", inits=(7.0,)),)),
        "parameter xsec: starts at 7, range [-5, 5]",
    ),
    (
        "range-cuts-constraint",
        "warning",
        workspace(parameters=(ParameterConfig(name="xsec", bounds=((-0.5, 5.0),)),)),
        "parameter xsec: range [-0.5, 5] around 0 +- 1",
    ),
    (
        "range-close-to-constraint",
        "note",
        workspace(parameters=(ParameterConfig(name="xsec", bounds=((-2.0, 5.0),)),)),
        "parameter xsec: range [-2, 5] around 0 +- 1",
    ),
    (
        "huge-lumi-uncertainty",
        "warning",
        workspace(
            channel(bkg=(Lumi(),)),
            parameters=(ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.3,), bounds=((0.1, 3.0),)),),
        ),
        "parameter lumi: range [0.1, 3] around 1 +- 0.3",
    ),
    (
        "constraint-of-constant",
        "note",
        workspace(parameters=(ParameterConfig(name="xsec", fixed=True),)),
        "parameter xsec: at 0",
    ),
    (
        "expectation-not-positive-1-sigma",
        "error",
        workspace(channel(bkg=(HistoSys(name="h", lo_data=(-20.0, 70.0), hi_data=(220.0, 90.0)),))),
        "channel SR, bin 0, parameter h: -15 at -1 sigma, nominal 105",
    ),
    (
        "expectation-not-positive-3-sigma",
        "warning",
        workspace(channel(bkg=(HistoSys(name="h", lo_data=(60.0, 70.0), hi_data=(140.0, 90.0)),))),
        "channel SR, bin 0, parameter h: -15 at -3 sigma, nominal 105",
    ),
    (
        "negative-sample-1-sigma",
        "warning",
        workspace(
            channel(
                extra=(
                    Sample(
                        name="x",
                        nominal=(4.0, 4.0),
                        modifiers=(HistoSys(name="h", lo_data=(-1.0, 3.0), hi_data=(9.0, 5.0)),),
                    ),
                )
            )
        ),
        "channel SR, sample x, bin 0, parameter h: -1 at -1 sigma, nominal 4",
    ),
    (
        "negative-sample-3-sigma",
        "note",
        workspace(
            channel(
                extra=(
                    Sample(
                        name="x",
                        nominal=(4.0, 4.0),
                        modifiers=(HistoSys(name="h", lo_data=(2.0, 3.0), hi_data=(6.0, 5.0)),),
                    ),
                )
            )
        ),
        "channel SR, sample x, bin 0, parameter h: -2 at -3 sigma, nominal 4",
    ),
    (
        "best-fit-at-bound",
        "warning",
        workspace(
            channel(observed=(150, 190)), parameters=(ParameterConfig(name="mu", inits=(1.0,), bounds=((0.0, 2.0),)),)
        ),
        "parameter mu: 2 in the range [0, 2]",
    ),
    ("best-fit-at-zero", "note", workspace(channel(observed=(90, 60))), "parameter mu: 0 in the range [0, 10]"),
    (
        "range-cuts-uncertainty",
        "warning",
        workspace(channel(), parameters=(ParameterConfig(name="mu", bounds=((-5.0, 1.2),)),)),
        "parameter mu: 0.8028 in the range [-5, 1.2], uncertainty 1.233",
    ),
    (
        "degenerate-parameters",
        "warning",
        workspace(channel(bkg=(NormFactor(name="k"), ShapeFactor(name="f")))),
        None,
    ),
    (
        "no-likelihood",
        "error",
        workspace(channel(bkg=(Lumi(),))),
        "measurement 'meas': parameter 'lumi' is used by a lumi modifier but has no auxdata and sigmas; add them to "
        "the measurement's parameters",
    ),
    (
        "invalid-names",
        "error",
        workspace(channel(bkg=(NormFactor(name="xsec"),))),
        "the name 'xsec' is used for normfactor and normsys (last in channel 'SR', sample 'bkg'); these cannot share a "
        "parameter",
    ),
]


@pytest.mark.parametrize(
    ("kind", "severity", "planted", "place"), PLANTED, ids=[f"{p[0]}-{i}" for i, p in enumerate(PLANTED)]
)
def test_what_is_planted_is_found_where_it_was_planted(kind, severity, planted, place):
    finding = of(kind, planted)
    assert finding.severity == severity
    assert place is None or str(finding.places[0]) == place
    assert finding.reason
    assert finding.suggestion


def test_parameters_that_the_data_cannot_tell_apart_are_named():
    finding = of("degenerate-parameters", workspace(channel(bkg=(NormFactor(name="k"),), sig=(NormFactor(name="k2"),))))
    assert {"mu", "k2"} <= set(finding.places[0].detail.replace(",", "").split())


def test_systematics_are_measured_from_the_centre_of_their_constraint_wherever_they_start():
    start = (ParameterConfig(name="xsec", inits=(4.5,)), ParameterConfig(name="h", inits=(2.0,)))
    assert diagnose(workspace(parameters=start[:1])).of_kind("large-pull") is None
    shape = HistoSys(name="h", lo_data=(-20.0, 70.0), hi_data=(220.0, 90.0))
    finding = of("expectation-not-positive-1-sigma", workspace(channel(bkg=(shape,)), parameters=start[1:]))
    assert str(finding.places[0]).startswith("channel SR, bin 0, parameter h: -15 at -1 sigma")


def test_a_pull_is_given_in_units_of_its_constraint():
    ws = workspace(channel(nominal=(1e4, 1e4), signal=(0.0, 0.0), observed=(15000, 15000)), pois=())
    finding = of("large-pull", ws)
    assert finding.places[0].parameter == "xsec"
    assert finding.places[0].size == pytest.approx(4.25, abs=0.1)


def test_a_parameter_without_effect_is_found_by_the_fit():
    assert str(of("parameter-without-effect", workspace(channel(signal=(0.0, 0.0)))).places[0]) == "parameter mu"


def test_a_fit_that_fails_is_an_error():
    ws = workspace(channel(nominal=(100.0, -20.0), signal=(0.0, 0.0)))
    assert of("fit-failed", ws).severity == "error"
    assert diagnose(ws, with_fit=False).of_kind("fit-failed") is None


def test_a_minimum_on_a_kink_is_told():
    bkg = (HistoSys(name="h", lo_data=(110.0, 88.0), hi_data=(120.0, 96.0), interpolation="code0"),)
    ws = workspace(channel(bkg=bkg, observed=(60, 60), signal=(0.0, 0.0)), pois=())
    assert of("fit-on-kink", ws).severity == "warning"


def test_a_search_that_was_not_sure_is_told(monkeypatch):
    minimum = engine._minimum
    monkeypatch.setattr(engine, "_minimum", lambda reached, end, options, *_: minimum(reached, end, options, False))
    finding = of("several-minima", workspace(channel(observed=(200, 30))))
    assert finding.severity == "warning"
    assert "a lower one may exist" in str(finding.places[0])


def test_models_with_very_many_parameters_are_not_fitted(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_PARAMETERS", 1)
    assert str(of("not-fitted", workspace()).places[0]) == "2 parameters"


def test_root_clips_samples_and_keeps_the_bin_positive():
    planted = workspace(channel(bkg=(HistoSys(name="h", lo_data=(-20.0, 70.0), hi_data=(220.0, 90.0)),)))
    diagnosis = diagnose(planted, conventions=ROOT)
    assert diagnosis.of_kind("expectation-not-positive-1-sigma") is None
    assert "as ROOT does" in diagnosis.of_kind("negative-sample-1-sigma").reason
    assert diagnosis.conventions == "root"


@pytest.mark.parametrize("name", ["h", "h[1]"])
def test_a_systematic_is_one_whatever_its_name(name):
    planted = workspace(channel(bkg=(HistoSys(name=name, lo_data=(-20.0, 70.0), hi_data=(220.0, 90.0)),)))
    for kind in ("expectation-not-positive-1-sigma", "negative-sample-1-sigma"):
        assert f"parameter {name}: " in str(of(kind, planted).places[0])


def test_what_is_negative_at_one_sigma_is_not_told_again_at_three():
    planted = workspace(channel(bkg=(HistoSys(name="h", lo_data=(-20.0, 70.0), hi_data=(220.0, 90.0)),)))
    places = [str(p) for f in diagnose(planted).findings if "not-positive" in f.kind for p in f.places]
    assert sum("bin 0" in p for p in places) == 1


def test_a_uniform_constraint_is_neither_cut_off_nor_moved_by_its_width():
    ws = workspace(
        channel(bkg=(HistoSys(name="h", lo_data=(90.0, 70.0), hi_data=(110.0, 90.0)),)),
        terms=(ConstraintTerm(name="h", kind="uniform"),),
    )
    kinds = {f.kind for f in diagnose(ws, with_fit=False).findings}
    assert not kinds & {"range-cuts-constraint", "negative-sample-1-sigma"}


def test_findings_of_one_kind_are_gathered_worst_first():
    bkg = tuple(NormSys(name=f"a{i}", lo=1.0 + 0.02 * i, hi=1.0 + 0.02 * i) for i in range(1, 5))
    finding = of("one-sided", workspace(channel(bkg=bkg)))
    assert finding.count == 4
    assert [p.parameter for p in finding.places] == ["a4", "a3", "a2", "a1"]


def test_the_worst_findings_come_first():
    diagnosis = diagnose(
        workspace(channel(nominal=(100.0, 0.0), signal=(5.0, 0.0), bkg=(NormSys(name="a", lo=1.1, hi=1.1),)))
    )
    order = [list(SEVERITIES).index(f.severity) for f in diagnosis.findings]
    assert order == sorted(order)
    assert worst(diagnosis.findings) == "error"
    assert worst(()) is None
    assert at_least("warning") == ("error", "warning")
    assert found("x", "note", [], reason="", suggestion="") == ()


def test_the_report_shows_examples_and_counts_the_rest():
    places = tuple(Place(channel=f"c{i}", size=-float(i)) for i in range(5))
    finding = Finding(kind="k", severity="note", reason="why", suggestion="what", places=places)
    text = reports.text(Diagnosis(measurement="m", conventions="pyhf", findings=(finding,)), n_examples=2)
    assert text == (
        "measurement m (pyhf conventions): 1 note\n\nnote: k (5 places)\n  why\n  - channel c0\n  - channel c1\n"
        "  ... and 3 more\n  try: what\n"
    )
    document = reports.finding_document(finding)
    assert document["count"] == 5
    assert document["places"][1] == {"channel": "c1"}


# ------------------------------------------------------------------------------------------------------- command line
@pytest.fixture
def model(tmp_path):
    def write(ws):
        path = tmp_path / "ws.json"
        path.write_text(json.dumps(pyhf_json.to_document(ws)))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("options", "code"), [([], 0), (["--strict"], 1), (["--fail-on", "error"], 0), (["--fail-on", "note"], 1)]
)
def test_exit_codes(model, options, code):
    file = model(workspace(channel(bkg=(NormSys(name="a", lo=1.1, hi=1.2),))))
    result = CliRunner().invoke(cli, ["doctor", file, *options], standalone_mode=False)
    assert (result.return_value or 0) == code
    assert "warning: one-sided" in result.stdout


def test_json_holds_every_place_and_goes_to_a_file_too(model, tmp_path):
    file = model(workspace(channel(bkg=(NormSys(name="a", lo=1.1, hi=1.2),))))
    result = CliRunner().invoke(cli, ["doctor", file, "--json"], standalone_mode=False)
    document = json.loads(result.stdout)
    assert document["counts"] == {"error": 0, "warning": 1, "note": 0}
    assert document["findings"][0]["places"][0]["parameter"] == "a"
    out = tmp_path / "findings.json"
    CliRunner().invoke(cli, ["doctor", file, "-o", str(out)], standalone_mode=False)
    assert json.loads(out.read_text()) == document


def test_severity_leaves_out_what_is_less_severe(model):
    file = model(workspace(channel(observed=(90, 60))))
    result = CliRunner().invoke(cli, ["doctor", file, "--severity", "warning"], standalone_mode=False)
    assert result.stdout == "measurement meas (pyhf conventions): nothing suspicious\n"


def test_without_a_fit(model):
    file = model(workspace(channel(observed=(90, 60))))
    result = CliRunner().invoke(cli, ["doctor", file, "--no-fit"], standalone_mode=False)
    assert "best-fit-at-zero" not in result.stdout


def test_a_model_whose_parameters_are_all_constant_is_fitted_too():
    fixed = tuple(ParameterConfig(name=n, fixed=True) for n in ("mu", "xsec"))
    assert diagnose(workspace(parameters=fixed)).of_kind("degenerate-parameters") is None


def test_a_fit_that_cannot_be_made_is_told(monkeypatch):
    def fails(*arguments, **options):
        raise FitFailed("no derivative")

    monkeypatch.setattr(fitting, "fit", fails)
    assert str(of("fit-failed", workspace()).places[0]) == "no derivative"


def test_one_shapesys_on_samples_with_the_same_relative_uncertainties_is_sound():
    shared = ShapeSys(name="s", data=(0.1, 0.05), relative=True)
    extra = (Sample(name="x", nominal=(10.0, 10.0), modifiers=(shared,)),)
    assert diagnose(workspace(channel(bkg=(shared,), extra=extra))).of_kind("shared-shapesys") is None
