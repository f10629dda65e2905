"""Yields before and after a fit, as documents and as tables."""

import json

import numpy as np
import pytest

from hftranslate.inference.fit import fit
from hftranslate.inference.postfit import fitted_yields
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.yields import expected_yields, scaled_samples
from hftranslate.workspace import Channel, Measurement, NormFactor, NormSys, Sample, StatError, Workspace
from tests.likelihood.builders import channel, workspace


@pytest.fixture(scope="module")
def compiled() -> tuple[Model, Data]:
    return compile_model(
        workspace(
            channel(
                "SR",
                [60.0, 58.0],
                ("signal", [5.0, 0.0], NormFactor(name="mu"), NormSys(name="JES", lo=0.9, hi=1.2)),
                ("background", [50.0, 52.0], StatError(name="staterror_SR", data=(3.0, 4.0))),
            ),
            channel("CR", [30.0], ("background", [31.0], NormSys(name="JES", lo=0.95, hi=1.04))),
        )
    )


def test_after_and_before_a_fit(compiled: tuple[Model, Data]) -> None:
    model, data = compiled
    best = fit(model, data)
    after, by_hand = fitted_yields(model, best), expected_yields(model, best.values, best.covariance)
    np.testing.assert_array_equal(after.channel("SR").uncertainties, by_hand.channel("SR").uncertainties)
    before = fitted_yields(model)
    np.testing.assert_array_equal(before.channel("SR").total, [55.0, 52.0])
    # the data of the control region constrain what they share with the signal region
    assert after.channel("CR").sum_uncertainty < np.sqrt(30.0)
    assert before.channel("SR").uncertainties[1].tolist() == pytest.approx([3.0, 4.0])


def test_document(compiled: tuple[Model, Data]) -> None:
    model, data = compiled
    found = json.loads(json.dumps(fitted_yields(model, data=data).to_dict()))
    assert found["stage"] == "prefit"
    assert found["conventions"] == "pyhf"
    sr, cr = found["channels"]
    assert (sr["name"], sr["observed"], cr["observed"]) == ("SR", [60.0, 58.0], [30.0])
    assert [s["scaled_by_poi"] for s in sr["samples"]] == [True, False]
    assert sr["samples"][1]["yields"] == [50.0, 52.0]
    assert sr["samples"][1]["sum"] == 102.0
    assert sr["samples"][1]["sum_uncertainty"] == pytest.approx(5.0)
    assert sr["total"]["yields"] == [55.0, 52.0]
    assert found["samples"]["background"][0] == 133.0
    assert found["total"][0] == 138.0
    assert found["observed"] == 148.0


def test_what_could_not_be_computed(compiled: tuple[Model, Data]) -> None:
    model, _ = compiled
    n = len(model.parameters)
    unknown = expected_yields(model, model.parameters.init, np.full((n, n), np.nan))
    document = unknown.to_dict()
    assert document["channels"][0]["total"]["uncertainties"] == [None, None]
    assert document["total"][1] is None
    assert "55 (no uncertainty)" in str(unknown)


def test_the_signal_is_what_the_parameter_of_interest_scales() -> None:
    space = workspace(channel("SR", [6.0], ("s", [5.0], NormFactor(name="mu")), ("b", [1.0], NormFactor(name="k"))))
    model, _ = compile_model(space)
    assert scaled_samples(model) == (frozenset({"s"}),)
    without = workspace(channel("SR", [6.0], ("b", [1.0], NormFactor(name="k"))), poi=None)
    assert scaled_samples(compile_model(without)[0]) == (frozenset(),)


def test_table(compiled: tuple[Model, Data]) -> None:
    model, data = compiled
    lines = str(fitted_yields(model, data=data)).splitlines()
    assert lines[0] == "SR (prefit)"
    assert lines[1].split() == ["bin", "0", "bin", "1", "sum"]
    assert lines[4].split() == ["background", "50.0", "±", "3.0", "52.0", "±", "4.0", "102.0", "±", "5.0"]
    assert lines[6].split() == ["observed", "60", "58", "118"]
    assert len({len(line) for line in (lines[2], *lines[3:7])}) == 1  # columns end together
    assert "all channels (prefit)" in lines
    assert lines[-2].split() == ["observed", "148"]
    assert lines[-1] == "conventions: pyhf"


def test_wide_tables_are_folded_and_name_the_edges() -> None:
    edges = tuple(range(0, 110, 10))
    sample = Sample(
        name="b", nominal=(1e-7, *(float(i) for i in range(1, 10))), modifiers=(NormSys(name="a", lo=0.9, hi=1.1),)
    )
    space = Workspace(
        channels=(Channel(name="SR", samples=(sample,), observed=(1.0,) * 10, edges=(edges,)),),
        measurements=(Measurement(name="m"),),
    )
    model, data = compile_model(space)
    text = str(fitted_yields(model, data=data))
    assert "[0, 10)" in text
    assert "[90, 100)" in text
    assert max(len(line) for line in text.splitlines()) < 120
    assert sum(line.startswith("observed") for line in text.splitlines()) == 3  # two parts, and all channels
    assert "1e-07 ± 1e-08" in text
    assert "9.00 ± 0.90" in text
