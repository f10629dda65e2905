"""Templates of samples, and models that share them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from hftranslate.errors import HFTranslateError, InvalidWorkspace, Unsupported
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.templates import KnownTemplates, known_templates, make_templates
from hftranslate.workspace import HistoSys, Lumi, NormFactor, NormSys, Sample, StatError, Workspace
from tests.likelihood.arrays import arrays
from tests.strategies import workspaces


@settings(max_examples=60)
@given(ws=workspaces())
def test_known_templates_give_the_same_model(ws: Workspace) -> None:
    for measurement in ws.measurements:
        assert outcome(ws, measurement.name, known_templates(ws)) == outcome(ws, measurement.name, None)


def outcome(ws: Workspace, measurement: str, known: KnownTemplates | None) -> Any:
    try:
        model, data = compile_model(ws, measurement, known=known)
    except HFTranslateError as error:
        return str(error)
    return arrays(model), arrays(data)


SAMPLE = Sample(
    name="s",
    nominal=(10.0, 20.0),
    modifiers=(
        HistoSys(name="b", lo_data=(8.0, 19.0), hi_data=(13.0, 23.0)),
        NormSys(name="a", lo=0.9, hi=1.2),
        NormFactor(name="mu"),
        HistoSys(name="a", lo_data=(10.0, 20.0), hi_data=(10.0, 24.0)),
        Lumi(),
        StatError(name="staterror", data=(1.0, 1.0)),
    ),
)


def test_entries_are_in_the_order_of_the_modifiers() -> None:
    found = make_templates("here", SAMPLE, set())
    assert found.nominal.tolist() == [10.0, 20.0]
    assert found.shift_names == ("b", "a")
    assert found.slopes.tolist() == [[2.5, 2.0], [0.0, 2.0]]
    assert found.bends.tolist() == [[0.5, 1.0], [0.0, 2.0]]
    assert (found.factor_names, found.factor_codes, found.factor_of_normsys) == (("a",), ("code4",), (True,))
    assert (found.factor_rows.tolist(), found.factor_lo.tolist(), found.factor_hi.tolist()) == ([0], [0.9], [1.2])
    assert [m.name for m in found.direct] == ["mu", "lumi", "staterror"]
    assert found.n_rows == 1
    assert make_templates("here", SAMPLE, {"a"}).factor_names == ()


def test_factors_of_bins() -> None:
    by_bin = (
        HistoSys(name="x", lo_data=(8.0, 16.0), hi_data=(12.0, 22.0), interpolation="code1"),
        NormSys(name="n", lo=0.9, hi=1.1),
    )
    found = make_templates("here", replace(SAMPLE, modifiers=by_bin), set())
    assert found.n_rows == 2
    assert found.factor_names == ("x", "x", "n", "n")
    assert found.factor_of_normsys == (False, False, True, True)
    assert found.factor_rows.tolist() == [0, 1, 0, 1]
    assert found.factor_lo.tolist() == [0.8, 0.8, 0.9, 0.9]
    assert found.factor_hi.tolist() == [1.2, 1.1, 1.1, 1.1]


def test_normsys_that_add_up() -> None:
    pair = tuple(NormSys(name=n, lo=0.9, hi=1.3, interpolation="code0") for n in "pq")
    found = make_templates("here", replace(SAMPLE, modifiers=pair), set())
    assert found.normsys_shift
    assert found.slopes == pytest.approx(np.array([[2.0, 4.0], [2.0, 4.0]]))
    assert found.bends == pytest.approx(np.array([[1.0, 2.0], [1.0, 2.0]]))


def test_a_sample_that_cannot_be_evaluated_is_not_known() -> None:
    from hftranslate.workspace import Channel, Measurement

    negative = replace(SAMPLE, name="n", modifiers=(NormSys(name="a", lo=-0.1, hi=1.0),))
    channel = Channel(name="c", samples=(SAMPLE, negative), observed=(1.0, 2.0))
    ws = Workspace(channels=(channel,), measurements=(Measurement(name="m", pois=("mu",)),))
    assert list(known_templates(ws)) == [id(SAMPLE)]
    with pytest.raises(InvalidWorkspace, match=r"here: normsys 'a' has a negative factor \(lo=-0\.1, hi=1\.0\)"):
        make_templates("here", negative, set())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nominal": (1e31, 1.0)}, "here: its yields: numbers of the size of 1e\\+31 cannot be evaluated"),
        (
            {"modifiers": (HistoSys(name="h", lo_data=(1.0, 1.0), hi_data=(-1e40, 1.0)),)},
            "here: histosys 'h': .*1e\\+40",
        ),
        ({"modifiers": (NormSys(name="n", lo=1.0, hi=10**300),)}, "here: normsys 'n': .*1e\\+300"),
    ],
)
def test_numbers_that_are_too_large(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        make_templates("here", replace(SAMPLE, **change), set())


def test_what_is_removed_may_be_of_any_size() -> None:
    large = replace(SAMPLE, modifiers=(NormSys(name="n", lo=1.0, hi=1e300),))
    assert make_templates("here", large, {"n"}).factor_names == ()
