"""The doctor on generated models: it always has an answer, and what it says of expectations is so."""

import re

import numpy as np
from hypothesis import HealthCheck, given, settings

from hftranslate.doctor import diagnose
from hftranslate.doctor import report as reports
from hftranslate.doctor.expectations import expectation_findings
from hftranslate.errors import InputError
from hftranslate.likelihood.compile import compile_model
from tests.strategies import workspaces


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces())
def test_every_model_gets_an_answer(workspace):
    diagnosis = diagnose(workspace)
    text = reports.text(diagnosis)
    assert all(f.kind in text for f in diagnosis.findings)
    assert len({f.kind for f in diagnosis.findings}) == len(diagnosis.findings)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces())
def test_bins_that_are_said_to_be_negative_are(workspace):
    try:
        model, data = compile_model(workspace)
    except InputError:
        return
    firsts = dict(zip([n for n, _ in model.channels], np.cumsum([0, *(n for _, n in model.channels)]), strict=False))
    p, centres = model.parameters, model.constraints.centres(data.auxdata)
    findings = [f for f in expectation_findings(model, data) if "not-positive" in f.kind]
    for place in (place for f in findings for place in f.places):
        i = p.index(place.parameter)
        step = int(re.search(r"at ([+-]\d) sigma", place.detail)[1])
        width = p.width[i] if p.width[i] < 100.0 else 1.0
        theta = p.init.copy()
        theta[i] = np.clip(centres[i] + step * width, *p.bounds[i])
        assert model.rates(theta)[firsts[place.channel] + place.bin] <= 0.0
