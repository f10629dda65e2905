"""The doctor on published models: it always has an answer, and no false alarm of its worst kind."""

import pytest

from hftranslate.doctor import diagnose
from hftranslate.doctor.expectations import expectation_findings
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import read
from tests.conftest import shared_files

WORKSPACES = shared_files("workspaces/**/*.json*")
#: A model made by hand whose signal has no yields and whose uncertainties exceed its backgrounds.
SICK = "workspaces/ATLAS-SUSY-2018-16/EWKinos_simplified_with_signal.json"


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKSPACES)
def test_published_models_have_no_errors_but_the_one_that_has(shared, name):
    diagnosis = diagnose(read(shared / name))
    errors = {f.kind for f in diagnosis.findings if f.severity == "error"}
    assert errors == ({"poi-without-effect", "expectation-not-positive-1-sigma"} if name == SICK else set())


def test_an_expectation_that_becomes_negative_is_that_of_the_model(shared):
    model, data = compile_model(read(shared / "workspaces/ATLAS-SUSY-2018-31/RegionA/BkgOnly.json.gz"))
    finding = next(f for f in expectation_findings(model, data) if f.kind == "expectation-not-positive-3-sigma")
    assert [(p.channel, p.bin, p.parameter) for p in finding.places] == [("VRtt_meff", 2, "ttbar_Gen")]
    theta = model.parameters.vector(ttbar_Gen=3.0)
    first = sum(n for name, n in model.channels[: [c for c, _ in model.channels].index("VRtt_meff")])
    assert finding.places[0].detail.startswith(f"{model.rates(theta)[first + 2]:.4g} at +3 sigma")


def test_a_broken_patch_makes_the_signal_stand_alone(shared):
    from hftranslate.translation.load import load

    ws = load(
        shared / "workspaces/ATLAS-SUSY-2018-31/RegionA/BkgOnly.json.gz",
        patches=[shared / "broken/patches/MA5_RegionA_sig.json"],
    ).workspace
    assert diagnose(ws).of_kind("best-fit-at-zero") is not None
