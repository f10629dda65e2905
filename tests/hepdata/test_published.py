"""Numbers as they are published, and what tables say about points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.hepdata.published import (
    PublishedColumn,
    PublishedTable,
    Unread,
    agrees,
    is_about,
    number,
    plain,
    points_of,
    published_table,
)
from hftranslate.signal_grid import Patch, PatchSet


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


GRID = {"a": (300, 100), "b": (400, 100), "c": (500, 200)}


def patches(labels=("m1", "m2"), grid=GRID):
    made = tuple(Patch(name=name, values=values, operations=[]) for name, values in grid.items())
    return PatchSet(labels=labels, patches=made, digests={}, references={})


MASSES = {"m1 [GeV]": ["300", "400", "500"], "M2": ["100.0", "100", "200"]}


def table(dependent, independent=MASSES, **units):
    independent, dependent = (
        [PublishedColumn(name=n, texts=t, units=units.get(n.split()[0], "")) for n, t in columns.items()]
        for columns in (independent, dependent)
    )
    return PublishedTable(name="Limits, A", independent=independent, dependent=dependent)


def read(told, **options):
    return list(points_of(told, patches(), **options))


def quantities(dependent):
    (found,) = read(table(dependent))
    return {q: c.name for q, c in found.columns}


@pytest.mark.parametrize(
    ("header", "quantity"),
    [
        ("Observed CLs", "observed"),
        (r"Observed $CL_s$", "observed"),
        (r"$\mathrm{CL}_{\mathrm{s}}$, obs.", "observed"),
        (r"$CL_{s}^{\mathrm{obs}}$", "observed"),
        ("CLs", "observed"),
        ("CLs_obs", "observed"),
        ("Expected CLs", 2),
        (r"$\mathrm{CL_s}$ (expected)", 2),
        ("CLs_exp_-2", 0),
        ("CLs_exp_0", 2),
        ("CLs, expected (+1 sigma)", 3),
        ("expected CLs minus 2 sigma", 0),
        (r"Expected CLs $+2\sigma$", 4),
        ("Expected CLs \N{MINUS SIGN}1\N{GREEK SMALL LETTER SIGMA}", 1),
        ("Expected CLs, 1 sigma up", 3),
    ],
)
def test_quantities_are_known_by_the_words_of_headers(header, quantity):
    assert quantities({header: ["0.1", "0.2", "0.3"]}) == {quantity: header}


@pytest.mark.parametrize("header", ["Efficiency", "Acceptance x limiting factor", "Events"])
def test_other_columns_say_nothing(header):
    assert read(table({header: ["1", "2", "3"]})) == []


def test_a_plain_name_is_observed_where_nothing_else_is():
    assert quantities({"Observed CLs": ["1"], "CLs": ["9"]}) == {"observed": "Observed CLs"}


def test_theory_variations_are_not_the_observed_ones():
    (found,) = read(table({"Observed CLs (+1 sigma theory)": ["0.1", "0.2", "0.3"]}))
    assert isinstance(found, Unread)
    assert "nothing says whether" in found.reason


@pytest.mark.parametrize(
    ("header", "units"),
    [
        ("Observed 95% CL upper limit on cross section", ""),
        ("Observed upper limit", "fb"),
        ("Observed limit [pb]", ""),
        (r"Expected limit on $\sigma_{\mathrm{vis}}$", ""),
    ],
)
def test_limits_on_a_cross_section_are_left_alone(header, units):
    told = published_table(
        "t",
        {
            "independent_variables": [
                {"header": {"name": n}, "values": [{"value": v} for v in t]} for n, t in MASSES.items()
            ],
            "dependent_variables": [{"header": {"name": header, "units": units}, "values": [{"value": "3"}] * 3}],
        },
    )
    (found,) = read(told)
    assert (found.status, "was left alone" in found.reason) == ("note", True)


@pytest.mark.parametrize(
    "headers",
    [
        ("m1", "m2"),
        ("m_1 [GeV]", "$m_2$"),
        (r"$m(\tilde\tau_1)$", r"$m(\tilde\chi^0_1)$"),
        (r"$m(\tilde\chi^0_1)$ [GeV]", "m(stau)"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_points_are_found_by_words_or_values(headers, order):
    columns = list(zip(headers, MASSES.values(), strict=True))[::order]
    (found,) = read(table({"CLs": ["0.1", "0.2", "0.3"]}, dict(columns)))
    assert found.rows == ["a", "b", "c"]


def test_points_may_be_named_or_given_in_other_units():
    (found,) = read(table({"CLs": ["1", "2"]}, {"Signal": ["b", "a"]}))
    assert found.rows == ["b", "a"]
    told = table({"CLs": ["1"] * 3}, {"m1": ["0.3", "0.4", "0.5"], "m2": ["0.1", "0.1", "0.2"]}, m1="TeV", m2="TeV")
    assert read(told)[0].rows == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("independent", "reason"),
    [
        ({"m1": ["300", "400", "500"]}, "could not be told to be m1, m2"),
        ({"x": ["1", "2", "3"], "y": ["1", "2", "3"]}, "no row in"),
        ({"x": ["300", "2", "3"], "y": ["100", "2", "3"]}, "1 of 3 rows"),
    ],
)
def test_why_points_are_not_found(independent, reason):
    (found,) = read(table({"CLs": ["0.1", "0.2", "0.3"]}, independent))
    assert reason in found.reason


def test_values_that_fit_in_several_ways_are_asked_about():
    square = patches(grid={"a": (1, 2), "b": (2, 1)})
    told = table({"CLs": ["0.1", "0.2"]}, {"x": ["1", "2"], "y": ["2", "1"]})
    (found,) = points_of(told, square)
    assert "in several ways" in found.reason
    (found,) = points_of(told, square, columns={"m1": "y"})
    assert found.rows == ["b", "a"]
    (found,) = points_of(told, square, columns={"m1": "z"})
    assert "it has no column 'z' for m1; there are 'x', 'y'" in found.reason
    (found,) = points_of(
        table({"p": ["1", "2"]}, {"m1": ["1", "2"], "m2": ["2", "1"]}), square, columns={"CLs_obs": "p"}
    )
    assert [q for q, _ in found.columns] == ["observed"]


def test_a_table_may_hold_both_cls_and_limits():
    found = read(table({"Observed CLs": ["0.1"], "Observed upper limit": ["1"]}))
    assert [f.what for f in found] == ["cls", "limit"]


def test_tables_of_other_regions_say_nothing():
    one = table({"Observed CLs": ["0.1", "0.2", "0.3"]})
    assert read(one, region="B") == []
    assert is_about(one, "a")
    told = PublishedColumn(name="CLs", texts=[], qualifiers={"Region": "B"})
    named = PublishedTable(name="x", independent=[], dependent=[told])
    assert is_about(named, "B")
    assert not is_about(named, "A")


def test_headers_in_plain_words():
    assert plain(r"$\mathrm{CL}_{\mathrm{s}}$ \,obs") == "cls obs"


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
    assert [(c.name, c.texts) for c in found.independent] == [("x", ["1"])]
    assert found.qualifiers == {"Region": "A"}
