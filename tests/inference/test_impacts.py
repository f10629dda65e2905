"""Impacts against differences of full fits, against closed forms and with other minimisers."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from hftranslate.batch.options import BatchOptions
from hftranslate.display.speaking import tables_as
from hftranslate.errors import FitFailed, InputError, MissingInput
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import asimov_data, fit
from hftranslate.inference.impacts import Impacts, _Shift, impacts, matching
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.translation.load import read
from hftranslate.workspace import HistoSys, NormFactor, NormSys, ShapeSys
from tests.conftest import REPOSITORY
from tests.likelihood.builders import channel, counting, workspace


@pytest.fixture(scope="module")
def demo() -> tuple[Model, Data]:
    return compile_model(read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"))


@pytest.fixture(scope="module")
def of_demo(demo: tuple[Model, Data]) -> Impacts:
    return impacts(*demo, groups={"bins": ["gamma_*"], "JES": ["JES"]})


@pytest.fixture(scope="module")
def one_bin() -> tuple[Model, Data]:
    """``mu s + b(alpha)`` with 20 events: everything is known in closed form."""
    return counting(20.0, 4.0, 10.0, NormSys(name="norm", lo=0.8, hi=1.3), bounds=((-10.0, 10.0),))


def test_one_bin_in_closed_form(one_bin: tuple[Model, Data]) -> None:
    found = impacts(*one_bin)
    assert (found.poi, found.widths) == ("mu", "hesse")
    assert found.value == pytest.approx((20.0 - 10.0) / 4.0)
    (norm,) = found.parameters
    assert norm.parameter.name == "norm"
    assert norm.parameter.pull == pytest.approx(0.0, abs=1e-6)
    assert norm.parameter.constraint == pytest.approx(1.0)  # the data say nothing about it
    # mu = (n - b(alpha)) / s, with b = 8 and 13 at -1 and +1
    expected = pytest.approx(((10.0 - 8.0) / 4.0, (10.0 - 13.0) / 4.0), abs=1e-5)
    assert norm.prefit == expected
    assert norm.postfit == expected
    assert norm.size == pytest.approx(0.75, abs=1e-5)


def test_groups_in_closed_form(one_bin: tuple[Model, Data]) -> None:
    """HESSE: with alpha held sigma(mu) = sqrt(n) / s; the rest is |db/dalpha| / s."""
    model, data = one_bin
    found = impacts(model, data, groups={"all": ["*"], "norm": ["alpha_nor?"]})
    slope = model.jacobian(fit(model, data).values)[0, model.parameters.index("norm")]
    statistical, systematic = sqrt(20.0) / 4.0, slope / 4.0
    assert found.groups["statistical"] == pytest.approx((statistical, statistical), rel=1e-6)
    assert found.groups["systematic"] == pytest.approx((systematic, systematic), rel=1e-6)
    assert found.groups["norm"] == found.groups["systematic"]
    assert found.groups["all"] == found.groups["systematic"]
    alone, data = counting(20.0, 4.0, 10.0)
    for widths in ("hesse", "minos"):
        assert impacts(alone, data, widths=widths).groups["systematic"] == (0.0, 0.0)
    assert (found.low, found.high) == pytest.approx((sqrt(statistical**2 + systematic**2),) * 2, rel=1e-6)


@pytest.mark.parametrize("minimizer", ["newton", "minuit"])
def test_against_differences_of_full_fits(demo: tuple[Model, Data], minimizer: str) -> None:
    model, data = demo
    options = FitOptions(minimizer=minimizer, tolerance=1e-10)  # type: ignore[arg-type]
    chosen = ["JES", "staterror_SR[1]", "mu_ttbar"]
    found = impacts(model, data, names=chosen, options=options)
    assert {i.parameter.name for i in found.parameters} == set(chosen)
    best = fit(model, data, options=options)
    for impact in found.parameters:
        name = impact.parameter.name
        centre, sigma = best.value(name), best.uncertainty(name)
        prior = float(model.parameters.width[model.parameters.index(name)])
        for shifts, width in ((impact.postfit, sigma), (impact.prefit, prior)):
            if shifts is None:
                assert prior == 0.0
                continue
            moved = (fit(model, data, fixed={name: centre + s * width}).value("mu") for s in (-1.0, 1.0))
            assert shifts == pytest.approx([m - best.value("mu") for m in moved], abs=2e-4)


def test_ranking_and_what_is_in_it(demo: tuple[Model, Data], of_demo: Impacts) -> None:
    model, data = demo
    sizes = [i.size for i in of_demo.parameters]
    assert sizes == sorted(sizes, reverse=True)
    best = fit(model, data)
    free = {n for n, constant in zip(best.names, best.fixed, strict=True) if not constant}
    assert {i.parameter.name for i in of_demo.parameters} == free - {"mu"}
    assert of_demo.failures == ()
    assert list(of_demo.groups) == ["bins", "JES", "statistical", "systematic"]
    total = of_demo.high
    for low, high in of_demo.groups.values():
        assert 0.0 <= low == high <= total


def test_groups_are_quadratic_differences(demo: tuple[Model, Data], of_demo: Impacts) -> None:
    model, data = demo
    best = fit(model, data)
    held = fit(model, data, fixed={"JES": best.value("JES")}).uncertainty("mu")
    total = best.uncertainty("mu")
    assert of_demo.groups["JES"][0] == pytest.approx(sqrt(total**2 - held**2), rel=1e-6)


def test_by_minos(one_bin: tuple[Model, Data]) -> None:
    model, data = one_bin
    found = impacts(model, data, widths="minos", groups={"g": ["norm"]})
    best = fit(model, data)
    low, high = profile_interval(model, data, best, "mu")
    assert low is not None
    assert high is not None
    assert (found.low, found.high) == pytest.approx((best.value("mu") - low, high - best.value("mu")))
    assert found.low != pytest.approx(found.high, rel=1e-3)
    held = profile_interval(model, data, best, "mu", fixed={"norm": 0.0})
    assert held[1] is not None
    assert found.groups["g"][1] == pytest.approx(sqrt(found.high**2 - (held[1] - best.value("mu")) ** 2), rel=1e-5)
    (norm,) = found.parameters
    assert (norm.low, norm.high) == pytest.approx((1.0, 1.0), rel=1e-5)


def test_minos_ends_at_the_bound_of_the_parameter() -> None:
    """A background that may not vanish altogether: its interval ends at the range."""
    space = workspace(
        channel("SR", [10.0], ("s", [5.0], NormFactor(name="mu")), ("b", [4.0], NormFactor(name="k"))),
        channel("CR", [1.0], ("b", [2.0], NormFactor(name="k"))),
    )
    model, data = compile_model(space)
    model = restricted(model, bounds={"k": (0.4, 10.0)})
    (k,) = impacts(model, data, widths="minos").parameters
    assert k.prefit is None
    assert k.parameter.value - k.low == pytest.approx(0.4)
    assert k.parameter.pull is None


@pytest.mark.parametrize("widths", ["hesse", "minos"])
@pytest.mark.parametrize("n", [0.0, 2.0])
def test_poi_at_its_bound_shows_no_impacts(n: float, widths: str) -> None:
    model, data = counting(n, 4.0, 10.0, NormSys(name="norm", lo=0.8, hi=1.3))
    with pytest.raises(InputError, match=r"'mu' lies at its bound, 0, .*--asimov 1.*--bounds mu=LOW:HIGH"):
        impacts(model, data, widths=widths)  # type: ignore[arg-type]
    asimov, _ = asimov_data(model, data, 1.0)
    (norm,) = impacts(model, asimov, widths=widths).parameters  # type: ignore[arg-type]
    assert norm.size > 0.4


def test_a_nuisance_parameter_at_its_bound() -> None:
    """By HESSE it has no uncertainty and no post-fit impact; by MINOS that of the one side."""
    space = workspace(
        channel("SR", [20.0], ("s", [5.0], NormFactor(name="mu")), ("b", [10.0], NormFactor(name="k"))),
        channel("CR", [30.0], ("b", [10.0], NormFactor(name="k"))),
        channel("VR", [12.0], ("c", [10.0], NormSys(name="c", lo=0.9, hi=1.1))),
    )
    model, data = compile_model(space)
    model = restricted(model, bounds={"k": (0.5, 1.5)})
    found = impacts(model, data)
    last = found.parameters[-1]
    assert last.parameter.name == "k"
    assert last.postfit == (None, None)
    assert np.isnan(last.low)
    assert any("k, post-fit: it ended at the upper end of its range, 1.5" in reason for reason in found.failures)
    document = found.to_dict()
    row = next(row for row in document["parameters"] if row["name"] == "k")
    assert (row["uncertainty"], row["postfit"]) == ([None, None], [None, None])
    assert "1.5 ± ?" in str(found)
    by_minos = next(i for i in impacts(model, data, widths="minos").parameters if i.parameter.name == "k")
    assert by_minos.high == 0.0
    assert by_minos.postfit[0] is not None
    assert by_minos.postfit[0] > 0.0  # less background, more signal


def test_a_shift_without_a_fit_is_reported() -> None:
    """At -1 the control region would expect less than nothing; a little below zero it is well."""
    shape = HistoSys(name="shape", lo_data=(-5.0,), hi_data=(12.0,))
    space = workspace(
        channel("SR", [10.0], ("s", [5.0], NormFactor(name="mu"))),
        channel("CR", [10.0], ("b", [10.0], shape)),
    )
    (found,) = impacts(*compile_model(space)).parameters
    assert found.prefit is not None
    assert found.prefit[0] is None
    assert found.prefit[1] is not None
    document = impacts(*compile_model(space)).to_dict()
    assert document["parameters"][0]["prefit"][0] is None
    assert "shape = -1" in document["failed"][0]
    assert "?" in str(impacts(*compile_model(space)))


def test_fit_without_uncertainties() -> None:
    """On a kink HESSE says nothing: impacts by HESSE are refused with the way out."""
    bent = HistoSys(name="a", lo_data=(140.0, 100.0), hi_data=(130.0, 100.0), interpolation="code0")
    space = workspace(channel("SR", [70.0, 90.0], ("b", [100.0, 100.0], bent, NormFactor(name="k"))), poi="k")
    model, data = compile_model(space)
    assert fit(model, data).status == "kink"
    with pytest.raises(FitFailed, match=r"no uncertainties by HESSE .* use those by MINOS"):
        impacts(model, data)
    found = impacts(model, data, widths="minos")
    assert found.parameters[0].high > 0.0


def test_patterns() -> None:
    space = workspace(
        channel(
            "SR",
            [60.0, 58.0],
            ("s", [5.0, 8.0], NormFactor(name="mu"), NormSys(name="jet_a", lo=0.9, hi=1.2)),
            ("b", [50.0, 52.0], ShapeSys(name="bins", data=(5.0, 6.0)), NormSys(name="jet_b", lo=0.9, hi=1.2)),
        )
    )
    model, data = compile_model(space)
    assert set(matching(model, ["jet_*"])) == {"jet_a", "jet_b"}
    assert matching(model, ["alpha_jet_a"]) == ("jet_a",)
    assert matching(model, ["bins[1]"]) == ("bins[1]",)
    assert set(matching(model, ["bins[*]", "jet_?"])) == {"jet_a", "jet_b", "bins[0]", "bins[1]"}
    with pytest.raises(MissingInput, match=r"no parameter fits 'jat_\*'; did you mean 'jet_"):
        matching(model, ["jat_*"])
    with pytest.raises(MissingInput):
        impacts(model, data, groups={"g": ["nothing"]})


def test_what_has_no_impacts(one_bin: tuple[Model, Data]) -> None:
    model, data = one_bin
    with pytest.raises(InputError, match="'mu' is constant and shows no impacts"):
        impacts(restricted(model, fixed={"mu": 1.0}), data)
    with pytest.raises(InputError, match="'mu' is the parameter of interest itself"):
        impacts(model, data, names=["norm", "mu"])
    with pytest.raises(InputError, match="'norm' is constant in this fit"):
        impacts(restricted(model, fixed={"norm": 0.0}), data, names=["norm"])


def test_workers_resuming_and_pickling(demo: tuple[Model, Data], of_demo: Impacts, tmp_path: Path) -> None:
    model, data = demo
    with ThreadPoolExecutor(2) as executor:
        assert impacts(model, data, batch=BatchOptions(executor=executor)).parameters == of_demo.parameters
    impacts(model, data, names=["JES"], batch=BatchOptions(resume=tmp_path / "i.jsonl"))
    seen: list[int] = []
    watched = BatchOptions(resume=tmp_path / "i.jsonl", progress=lambda step, done, total: seen.append(total))
    resumed = impacts(model, data, batch=watched)
    assert seen[0] == len(of_demo.parameters) - 1
    assert resumed.parameters == of_demo.parameters
    task = _Shift(model=model, data=data, best=fit(model, data), widths="hesse", options=FitOptions())
    assert pickle.loads(pickle.dumps(task))(["JES"]) == task(["JES"])


def test_document_and_table(demo: tuple[Model, Data], of_demo: Impacts) -> None:
    document = of_demo.to_dict()
    assert document["poi"]["name"] == "mu"
    assert document["conventions"] == "root"
    first, impact = document["parameters"][0], of_demo.parameters[0]
    assert first["name"] == impact.parameter.name
    assert first["postfit"] == list(impact.postfit)
    free = next(p for p in document["parameters"] if p["name"] == "mu_ttbar")
    assert (free["pull"], free["prior"], free["prefit"]) == (None, None, None)
    lines = tables_as("text", of_demo.tables(top=3)).splitlines()
    assert lines[0].startswith("impacts on mu = ")
    assert lines[3].startswith(impact.parameter.name)
    assert f"... and {len(of_demo.parameters) - 3} more with smaller impacts" in lines
    assert any(line.strip().startswith("statistical") for line in lines)
    assert any("free" in line for line in tables_as("text", of_demo.tables(top=99)).splitlines())


def test_pulls_use_the_global_observables() -> None:
    """A pull is measured from where the auxiliary data put the parameter, in units of its constraint."""
    shapesys = ShapeSys(name="bins", data=(5.0,))
    model, data = compile_model(workspace(channel("SR", [60.0], ("b", [50.0], shapesys)), poi=None))
    from hftranslate.inference.pulls import pulls

    (found,) = pulls(model, data, fit(model, data))
    tau = (50.0 / 5.0) ** 2
    assert found.width == pytest.approx(1.0 / sqrt(tau))
    assert found.centre == pytest.approx(1.0)
    best = (60.0 + tau) / (50.0 + tau)  # of the product of the two Poisson terms
    assert found.pull == pytest.approx((best - 1.0) * sqrt(tau), abs=1e-6)
    assert found.constraint == pytest.approx(sqrt(tau) * best / sqrt(60.0 + tau), rel=1e-6)
    assert pulls(model, data, fit(model, data), names=[]) == ()
    shifted = model.data([60.0], 1.1 * data.auxdata)
    assert pulls(model, shifted, fit(model, shifted))[0].centre == pytest.approx(1.1)
    np.testing.assert_allclose(fit(model, shifted).values, (60.0 + 1.1 * tau) / (50.0 + tau), rtol=1e-6)


def test_groups_that_are_always_there_cannot_be_given(one_bin: tuple[Model, Data]) -> None:
    with pytest.raises(InputError, match="by 'hesse' or 'minos', not 'x'"):
        impacts(*one_bin, widths="x")  # type: ignore[arg-type]
    for name in ("statistical", "systematic"):
        with pytest.raises(InputError, match=f"the group '{name}' is always there"):
            impacts(*one_bin, groups={name: ["norm"]})


def test_table_of_an_interval_that_ends_at_a_bound() -> None:
    """MINOS finds no lower end where the range of the parameter of interest ends first."""
    model, data = counting(12.0, 4.0, 10.0, NormSys(name="norm", lo=0.8, hi=1.3), bounds=((0.0, 10.0),))
    table = str(impacts(model, data, widths="minos"))
    assert table.startswith("impacts on mu = 0.5  -? +")
    assert "nan" not in table
    assert table.splitlines()[-2].split()[:2] == ["systematic", "?"]
