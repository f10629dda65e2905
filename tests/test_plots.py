"""Figures: what is drawn, and that matplotlib is only imported when something is drawn."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftranslate import plots
from hftranslate.errors import FormatError, InputError
from hftranslate.inference.fit import fit, fit_document
from hftranslate.inference.hypotest import UpperLimitResult, limit_document, upper_limit
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.translate import read
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def compiled() -> tuple[Model, Data]:
    return compile_model(read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"))


@pytest.fixture(scope="module")
def limit(compiled: tuple[Model, Data]) -> UpperLimitResult:
    return upper_limit(*compiled)


@pytest.fixture(scope="module")
def fitted(compiled: tuple[Model, Data]) -> dict[str, Any]:
    return fit_document(compiled[0], fit(*compiled))


def labels(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_brazil_goes_through_the_tested_values(limit: UpperLimitResult) -> None:
    figure = plots.brazil(limit, poi_name="mu")
    axes = figure.axes[0]
    assert labels(figure)[:2] == ["observed, limit 1.59", "expected, limit 1.40"]
    assert axes.get_xlabel() == "mu"
    curve = next(line for line in axes.lines if str(line.get_label()).startswith("observed"))
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert (x[0], y[0]) == (0.0, 1.0)
    assert np.all(np.diff(y) < 0.0)
    for poi, observed, _ in limit.scan:
        if poi <= x[-1]:
            assert np.interp(poi, x, y) == pytest.approx(observed, abs=2e-3)
    assert len(axes.collections) == 2


def test_brazil_from_the_document(compiled: tuple[Model, Data], limit: UpperLimitResult) -> None:
    assert labels(plots.brazil(limit_document(compiled[0], limit))) == labels(plots.brazil(limit))


@pytest.mark.parametrize("document", [{}, {"scan": [1], "level": 0.05}, {"scan": None}])
def test_brazil_refuses_other_documents(document: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no upper limit as 'hftranslate limit' writes it"):
        plots.brazil(document)
    with pytest.raises(InputError, match="no tested values"):
        plots.brazil({"scan": [], "level": 0.05, "observed": 1.0, "expected": [1.0] * 5})


def test_pulls(fitted: dict[str, Any]) -> None:
    axes = plots.pulls(fitted).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[0] == "JES"
    assert "staterror_CR[0]" not in names  # constant
    assert names[-6:] == ["mu", "mu_ttbar", *(f"multijet_shape[{i}]" for i in range(4))]
    drawn = np.asarray(axes.containers[0].lines[0].get_xdata())
    assert drawn[0] == pytest.approx(fitted["mle_parameters"]["JES"][0])
    assert drawn[names.index("fakes_rate[1]")] == pytest.approx(
        (fitted["mle_parameters"]["fakes_rate"][1] - 1.0) / fitted["prior_uncertainties"]["fakes_rate"][1]
    )
    written = [text.get_text() for text in axes.texts]
    assert written[0] == "0.237 ± 0.636"


def test_pulls_keeps_the_most_notable(fitted: dict[str, Any]) -> None:
    names = [text.get_text() for text in plots.pulls(fitted, most=2).axes[0].get_yticklabels()]
    assert names[:2] == ["staterror_SR[0]", "staterror_SR[1]"]


def test_pulls_refuses_other_documents(fitted: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no fit as 'hftranslate fit' writes it"):
        plots.pulls({key: value for key, value in fitted.items() if key != "prior_uncertainties"})


def test_saving(limit: UpperLimitResult, tmp_path: Path) -> None:
    plots.save(plots.brazil(limit), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"a\.docx"):
        plots.save(plots.brazil(limit), tmp_path / "a.docx")
    with pytest.raises(InputError, match="cannot be written"):
        plots.save(plots.brazil(limit), tmp_path / "nowhere" / "a.png")


def test_matplotlib_is_imported_late() -> None:
    code = (
        "import sys, hftranslate, hftranslate.plots, hftranslate.crosschecking.compare; "
        "import hftranslate.crosschecking.results, hftranslate.crosschecking.report; "
        "print({'matplotlib', 'jsonschema'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
