"""Names and values of points from names of files."""

import pytest

from hftranslate.errors import InputError
from hftranslate.signal_grid import PointNames

PATTERN = r"_(?P<m1>[0-9p.]+)_(?P<m2>[0-9p.]+)$"


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("sig_300_50.json", "sig_300_50", (300, 50)),
        ("some/folder/C1N2-Wh_300p5_50.json.gz", "C1N2_Wh_300p5_50", (300.5, 50)),
        ("sig_300.5_50.XML", "sig_300_5_50", (300.5, 50)),
    ],
)
def test_names_of_files(path: str, name: str, values: tuple[float, ...]) -> None:
    assert PointNames.compiled(PATTERN).of(path) == (name, values)


def test_labels_order_the_groups() -> None:
    names = PointNames.compiled(PATTERN, ("m2", "m1"), "C1N2_{m1}__{m2}")
    assert names.of("x_1_2.json") == ("C1N2_1__2", (2, 1))


def test_groups_without_names_go_by_order() -> None:
    names = PointNames.compiled("([0-9]+)_([a-z]+)", ("mass", "decay"), "{decay}{mass}_{file}")
    assert names.of("12_bb.json") == ("bb12_12_bb", (12, "bb"))


def test_the_folder_counts_where_the_name_says_nothing() -> None:
    names = PointNames.compiled("/m(?P<m>[0-9]+)/", name="m{m}")
    assert names.of("grid/m700/FitConfig.xml") == ("m700", (700,))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("(?P<m1>[",), "is no regular expression"),
        (("[0-9]+",), "has no named groups to be the labels"),
        (("(?P<m1>1)(?P<m2>2)", ("m1", "m3")), "has no group for the label 'm3'"),
        (("([0-9])_([0-9])", ("m1",)), "has 2 groups, expected one for each label: m1"),
        (("([0-9])", ("m-1",)), "'m-1' cannot be a label"),
        (("([0-9])([0-9])", ("m", "m")), "the labels m, m are not unique"),
        (("(?P<m1>1)", (), "a_{m2}"), r"the name 'a_\{m2\}' asks for \{m2\}; there are 'file', 'm1'"),
    ],
)
def test_patterns_that_cannot_work(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        PointNames.compiled(*arguments)


def test_names_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"other\.json: the pattern .* is not found in its name"):
        PointNames.compiled(PATTERN).of("other.json")
    with pytest.raises(InputError, match="finds no value of 'm' in its name"):
        PointNames.compiled("sig(_(?P<m>[0-9]+))?").of("sig.json")
    with pytest.raises(InputError, match="'sig-1' cannot be the name of a patch: only letters"):
        PointNames.compiled("sig_(?P<m>[0-9]+)", name="sig-{m}").of("sig_1.json")
