"""Result documents of others: their numbers are judged when they are read, and no document ends in a defect."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.crosscheck.compare import crosscheck
from hftranslate.crosscheck.document import from_document
from hftranslate.crosscheck.report import report_html, report_markdown
from hftranslate.crosscheck.results import results
from hftranslate.errors import FormatError, HFTranslateError
from hftranslate.workspace import Workspace
from hftranslate.workspace.simplemodels import uncorrelated_background
from tests.mutations import places

TOYS = {"n": 20, "seed": 1, "CLsb_error": 0.1, "CLb_error": 0.1, "CLs_error": 0.1}


def workspace() -> Workspace:
    return uncorrelated_background([5.0, 3.0], [50.0, 30.0], [5.0, 3.0], observed=[57, 31])


@cache
def valid() -> dict[str, Any]:
    """A document with everything that one can hold."""
    document = results(workspace()).to_document()
    document["points"] = document["points"][:4]
    document["hypotests"].append({**document["hypotests"][0], "calculator": "toys", "toys": TOYS})
    document["hypotests"].append({**document["hypotests"][1], "calculator": "roostats"})
    return document


def test_the_valid_one() -> None:
    assert from_document(valid()).to_document() == valid()


def _swap(d: Any) -> None:
    d["parameters"][0] |= {"low": 5.0, "high": 1.0}


def _row(d: Any) -> None:
    d["fit"]["correlation"]["matrix"][0].pop()


CHANGES: list[tuple[Callable[[Any], Any], str]] = [
    (_swap, r"the range of parameter 'mu' is \[5, 1\], its lower end above the upper one"),
    (lambda d: d["parameters"].append(d["parameters"][0]), "parameter 'mu' appears more than once"),
    (lambda d: d["points"].append(d["points"][0]), "point 'nominal' appears more than once"),
    (
        lambda d: d["parametrisation"].extend([{"name": "a", "parameter": "mu", "offset": 0.0, "scale": 1.0}] * 2),
        "parametrisation by 'a' appears more than once",
    ),
    (lambda d: d["fit"]["uncertainties"].update(mu=-1.0), "the uncertainty of 'mu' is -1, expected a number not below"),
    (lambda d: d["fit"]["minos"].update(mu=[0.5, 1.0]), "MINOS errors of 'mu' are 0.5 and 1.0, expected one down"),
    (_row, "the matrix of correlations has not 3 rows and columns"),
    (lambda d: d["fit"]["correlation"]["names"].pop(), "the matrix of correlations has not 2 rows"),
    (lambda d: d["fit"]["correlation"]["matrix"][0].__setitem__(1, 3.0), r"a correlation lies outside \[-1, 1\]"),
    (lambda d: d["hypotests"][0].update(CLsb=1.5), "test of 0.5: CLsb is 1.5, expected a number from 0 to 1"),
    (lambda d: d["hypotests"][0].update(CLs_obs=-0.1), "test of 0.5: CLs_obs is -0.1"),
    (lambda d: d["hypotests"][0]["CLs_exp"].__setitem__(2, -0.1), "test of 0.5: CLs_exp is -0.1"),
    (lambda d: d["hypotests"][0].update(q=-1.0), "test of 0.5: q is -1"),
    (lambda d: d["hypotests"][3]["toys"].update(seed=-1), "seed of toys is -1"),
    (lambda d: d["hypotests"][3]["toys"].update(CLs_error=-1.0), "cls_error is -1"),
    (lambda d: d["discovery"].update(p0=2.0), "discovery: p0 is 2"),
    (lambda d: d["discovery"].update(q0=-2.0), "discovery: q0 is -2"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_numbers_that_contradict_each_other(change: Callable[[Any], Any], message: str) -> None:
    document = deepcopy(valid())
    change(document)
    with pytest.raises(FormatError, match=f"r.json is no result document that could be used: .*{message}"):
        from_document(document, "r.json")


def test_an_integer_may_be_written_as_a_number() -> None:
    document = deepcopy(valid())
    document["hypotests"][3]["toys"] |= {"n": 20.0, "seed": 1.0}
    toys = (from_document(document).hypotests or ())[3].toys
    assert toys is not None
    assert (type(toys.n), type(toys.seed)) == (int, int)


NUMBERS = (0, -1, 1, 2, 0.5, 3.0, 1e-300, 1e300, -1e300, 1e12, -1e6, 10**30)
WORDS = ("", "mu", "Lumi", "nope", "q", "qtilde", "toys", "roostats", "asymptotic", "root", "kink")


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """The document with numbers, words and lists changed, mostly within its schema."""
    document = deepcopy(valid())
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([p for p in places(document) if p[0] not in ("schema", "provenance")]))
        parent = document
        for step in way:
            parent = parent[step]
        match parent[last]:
            case bool():
                parent[last] = not parent[last]
            case int() | float():
                parent[last] = draw(st.sampled_from(NUMBERS))
            case str():
                parent[last] = draw(st.sampled_from(WORDS))
            case [*values]:
                parent[last] = draw(st.sampled_from(([], values[:-1], [*values, *values[-1:]])))
            case dict() if way or last == "fit":
                del parent[last]
            case _:
                parent[last] = None
    return document


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of fits within ranges that mean nothing
@settings(max_examples=20)
@given(changed())
def test_no_document_ends_in_a_defect(document: Any) -> None:
    """It is refused in a sentence, or compared and reported."""
    with suppress(HFTranslateError):
        reference = from_document(document)
        report = crosscheck(results(workspace(), like=reference), reference, workspace=workspace())
        assert report.text()
        assert report_html(report)
        assert report_markdown(report)
        json.dumps(report.to_document(), allow_nan=False)
