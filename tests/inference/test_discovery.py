"""The significance of a signal: closed forms, pyhf and ROOT."""

import json
import warnings
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from hftranslate.errors import InputError
from hftranslate.inference.discovery import significance
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load
from tests.cases import compiled, pyhf_model
from tests.likelihood.builders import counting, hello_world

VALIDATION = Path(__file__).resolve().parents[2] / "validation"
REFERENCES = VALIDATION.parent / "reference_outputs"


@pytest.mark.parametrize("poi_range", ["named", "model"])
@pytest.mark.parametrize("n", [3.0, 10.0, 25.0])
def test_counting_experiment(n: float, poi_range: str) -> None:
    """q0 = 2 (n ln(n / b) - n + b) for an excess, 0 for a deficit; the Asimov data are s + b."""
    s, b = 4.0, 10.0

    def q0(events: float) -> float:
        return 2.0 * (events * log(events / b) - events + b) if events > b else 0.0

    found = significance(*counting(n, s, b), expected_poi=1.5, poi_range=poi_range)  # type: ignore[arg-type]
    assert found.q0 == pytest.approx(q0(n), abs=1e-8)
    assert found.z == pytest.approx(sqrt(q0(n)), abs=1e-8)
    assert found.p0 == pytest.approx(norm.sf(sqrt(q0(n))), rel=1e-6)
    assert found.muhat == pytest.approx(max(0.0, (n - b) / s), abs=1e-6)
    assert found.q0_asimov == pytest.approx(q0(16.0), abs=1e-8)
    assert found.z_exp == pytest.approx([sqrt(q0(16.0)) + k for k in (-2, -1, 0, 1, 2)], abs=1e-8)
    assert found.p0_exp == pytest.approx(norm.sf(found.z_exp), rel=1e-6)
    assert 2.0 * (found.conditional_nll - found.free_nll) == pytest.approx(found.q0, abs=1e-8)


def test_best_fits_beyond_the_range_of_the_model() -> None:
    """q0 compares with the best fit wherever it is; with the model's range, with what lies in it."""
    model, data = counting(60.0, 1.0, 10.0, bounds=((0.0, 10.0),))
    assert significance(model, data).muhat == pytest.approx(50.0, abs=1e-5)
    narrow = significance(model, data, poi_range="model")
    assert narrow.muhat == 10.0
    assert narrow.q0 == pytest.approx(2.0 * (60.0 * log(2.0) - 10.0), abs=1e-8)


@pytest.mark.parametrize(
    "name", ["pyhf_2-bin_1-channel", "sbottom_simplifiedA", "litehf_multi_channel", "displaced_Comb"]
)
def test_agrees_with_pyhf(name: str, shared: Path) -> None:
    import pyhf

    model, data = compiled(name)
    found = significance(model, data, poi_range="model")
    theirs, their_data = pyhf_model(name)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-10), precision="64b")
        try:
            observed, band = pyhf.infer.hypotest(0.0, their_data, theirs, test_stat="q0", return_expected_set=True)
        finally:
            pyhf.set_backend("numpy", precision="64b")
    assert found.p0 == pytest.approx(float(observed), rel=2e-4)
    assert found.p0_exp[::-1] == pytest.approx([float(p) for p in band], rel=2e-3)  # theirs begins with the excess


@pytest.mark.parametrize("name", ["excess", "deficit", "normsys", "shapesys_poisson", "staterror_large_poisson"])
def test_agrees_with_root(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOT's stored p0, from its own fits within the range of the parameter of interest."""
    reference = json.loads((REFERENCES / f"{name}.json").read_text())["discovery"]
    monkeypatch.chdir(VALIDATION)
    workspace = load(f"cases/{name}/model.xml").workspace
    found = significance(*compile_model(workspace), poi_range="model")
    assert found.q0 == pytest.approx(reference["q0"], abs=1e-5)
    assert found.p0 == pytest.approx(reference["p0"], rel=1e-4)
    assert found.z == pytest.approx(reference["z"], abs=1e-4)


def test_document() -> None:
    model, data = hello_world()
    found = significance(model, data)
    document = found.to_dict()
    assert (document["p0"], document["z"], document["q0"]) == (found.p0, found.z, found.q0)
    assert document["expected"]["z"] == list(found.z_exp)
    assert document["expected"]["poi"] == 1.0
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("signal", [0.0, -1.0, float("nan")])
def test_an_expectation_needs_a_signal(signal: float) -> None:
    with pytest.raises(InputError, match="is above zero, not"):
        significance(*hello_world(), expected_poi=signal)
