"""Numbers as they are published, and what tables say about points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.hepdata.published import (
    PublishedTable,
    agrees,
    is_about,
    matching,
    number,
    points_of,
    published_table,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0130", (0.013, 0.0001)),
        ("1.2e-3", (0.0012, 0.0001)),
        ("300", (300.0, 1.0)),
        ("-2.5", (-2.5, 0.1)),
        ("1E+2", (100.0, 100.0)),
        ("-", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e9999999", None),
        ("1e-9999999", (0.0, 0.0)),
        ("< 0.01", None),
    ],
)
def test_numbers_have_the_precision_of_their_digits(text, expected):
    assert number(text) == expected


@given(st.floats(1e-6, 1e6), st.integers(1, 9))
def test_a_number_agrees_with_itself_rounded_to_any_digits(x, digits):
    assert agrees(f"{x:.{digits}g}", x)


@given(st.floats(1e-2, 1e3), st.integers(2, 6), st.sampled_from([-1.0, 1.0]))
def test_a_number_does_not_agree_with_one_two_units_and_a_percent_away(x, digits, sign):
    text = f"{x:.{digits}g}"
    _, unit = number(text)
    assert not agrees(text, x + sign * (2.0 * unit + 0.01 * x))


def test_text_agrees_with_nothing():
    assert not agrees("-", 0.0)


def table(**dependent):
    return PublishedTable(
        name="Limits, A",
        independent={"m1 [GeV]": ["300", "400"], "M2": ["100.0", "bbll"]},
        dependent={name.replace("_", " "): texts for name, texts in dependent.items()},
    )


def test_columns_are_known_by_their_names():
    (found,) = points_of(
        PublishedTable(
            name="t",
            independent={"m1 [GeV]": ["300", "400"], "M2": ["100.0", "bbll"]},
            dependent={
                "Observed CLs": ["0.1", "0.2"],
                "Expected CLs": ["0.3", "0.4"],
                "CLs, expected (+1 sigma)": ["0.5", "0.6"],
                "expected CLs minus 2 sigma": ["0.01", "0.02"],
                "CLs": ["9", "9"],
                "Efficiency": ["1", "1"],
            },
        ),
        ["m1", "m2"],
        "",
    )
    assert found.what == "cls"
    assert found.points == {
        (300, 100.0): {"observed": "0.1", 2: "0.3", 3: "0.5", 0: "0.01"},
        (400, "bbll"): {"observed": "0.2", 2: "0.4", 3: "0.6", 0: "0.02"},
    }
    assert matching((300, 100), found.points) == found.points[300, 100.0]
    assert matching(("400", "bbll"), found.points) is not None
    assert matching((500, 100), found.points) is None


def test_a_table_may_hold_both_cls_and_limits():
    found = points_of(table(Observed_CLs=["0.1", "0.2"], Observed_upper_limit=["1", "2"]), ["m1", "m2"], "")
    assert [f.what for f in found] == ["cls", "limit"]


def test_underscores_stand_between_words():
    """As in the columns of ``patchset scan --csv``."""
    columns = {"CLs_obs": ["0.1", "0.2"], "CLs_exp_-2": ["0.01", "0.02"], "CLs_exp_0": ["0.3", "0.4"]}
    masses = {"m1": ["300", "400"], "m2": ["100", "100"]}
    (found,) = points_of(PublishedTable(name="t", independent=masses, dependent=columns), ["m1", "m2"], "")
    first = next(iter(found.points.values()))
    assert first == {"observed": "0.1", 0: "0.01", 2: "0.3"}


def test_tables_of_other_labels_or_regions_say_nothing():
    one = table(Observed_CLs=["0.1", "0.2"])
    assert points_of(one, ["m1", "m3"], "") == ()
    assert points_of(one, ["m1", "m2"], "B") == ()
    assert is_about(one, "a")
    named = PublishedTable(name="x", independent={}, dependent={}, qualifiers={"Region": "B"})
    assert is_about(named, "B")
    assert not is_about(named, "A")


@pytest.mark.parametrize("document", [None, {}, [], {"independent_variables": 1, "dependent_variables": []}, "x"])
def test_what_has_not_the_form_of_a_table(document):
    assert published_table("t", document) is None


def test_a_range_stands_for_its_lower_end():
    document = {
        "independent_variables": [{"header": {"name": "x"}, "values": [{"low": "1", "high": "2"}]}],
        "dependent_variables": [
            {"header": {"name": "y"}, "qualifiers": [{"name": "Region", "value": "A"}], "values": [{"value": "3"}]}
        ],
    }
    found = published_table("t", document)
    assert found.independent == {"x": ["1"]}
    assert found.qualifiers == {"Region": "A"}
