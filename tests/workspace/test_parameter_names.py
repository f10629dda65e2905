"""Parameter names in pyhf's and ROOT's words, and the order of parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.errors import InvalidWorkspace
from hftranslate.workspace import (
    Channel,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.parameter_names import bin_labels, declared_parameters, shortened_all, staterror_name
from tests.likelihood.builders import channel

JES = HistoSys(name="JES", lo_data=(1.0, 1.0), hi_data=(2.0, 2.0))


def test_names_in_both_languages():
    found = declared_parameters(
        [
            channel(
                "SR",
                None,
                (
                    "s",
                    [1.0, 1.0],
                    Lumi(),
                    NormFactor(name="mu"),
                    NormSys(name="JES", lo=0.9, hi=1.1),
                    JES,
                    ShapeSys(name="bkg", data=(0.1, 0.1)),
                    ShapeFactor(name="free"),
                    StatError(name="staterror_SR", data=(0.1, 0.1)),
                ),
            )
        ]
    )
    names = {n: (d.names, d.root_names) for n, d in found.items()}
    assert names == {
        "JES": (("JES",), ("alpha_JES",)),
        "lumi": (("lumi",), ("Lumi",)),
        "mu": (("mu",), ("mu",)),
        "free": (("free[0]", "free[1]"), ("gamma_free_bin_0", "gamma_free_bin_1")),
        "bkg": (("bkg[0]", "bkg[1]"), ("gamma_bkg_bin_0", "gamma_bkg_bin_1")),
        "staterror_SR": (
            ("staterror_SR[0]", "staterror_SR[1]"),
            ("gamma_stat_SR_bin_0", "gamma_stat_SR_bin_1"),
        ),
    }
    assert {type(u[2]).__name__ for u in found["JES"].uses} == {"NormSys", "HistoSys"}


def test_order_is_pyhfs():
    """Kinds in alphabetical order of their words, names as channels, samples and modifiers sort them."""
    channels = [
        channel("Z", None, ("s", [1.0], NormFactor(name="late"), NormSys(name="b", lo=1, hi=1))),
        channel(
            "A",
            None,
            ("t", [1.0], NormSys(name="x", lo=1, hi=1), StatError(name="z_stat", data=(1,))),
            ("r", [1.0], NormFactor(name="mu"), NormSys(name="y", lo=1, hi=1), Lumi()),
        ),
        channel("B", None, ("u", [1.0], StatError(name="a_stat", data=(1,)))),
    ]
    assert list(declared_parameters(channels)) == ["lumi", "mu", "late", "y", "x", "b", "a_stat", "z_stat"]


def test_bins_in_two_dimensions():
    """x runs fastest."""
    two = Channel(
        name="c", samples=(Sample(name="s", nominal=(1.0,) * 6),), edges=((0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 2.0))
    )
    assert bin_labels(two) == ["0_0", "1_0", "2_0", "0_1", "1_1", "2_1"]
    assert bin_labels(channel("c", None, ("s", [1.0, 1.0]))) == ["0", "1"]


def test_staterrors_beyond_roots():
    """Several names in a channel, or one over channels, have no counterpart: ROOT's names are those of a ShapeSys."""
    assert staterror_name("SR") == "staterror_SR"
    several = channel(
        "SR", None, ("a", [1.0], StatError(name="one", data=(1,))), ("b", [1.0], StatError(name="two", data=(1,)))
    )
    assert [d.root_names for d in declared_parameters([several]).values()] == [
        ("gamma_one_bin_0",),
        ("gamma_two_bin_0",),
    ]
    spanning = [channel(c, None, ("a", [1.0], StatError(name="stat", data=(1,)))) for c in ("B", "A")]
    (found,) = declared_parameters(spanning).values()
    assert found.bin_channels == ("A", "B")
    assert found.root_names == ("gamma_stat_A_bin_0", "gamma_stat_B_bin_0")
    assert found.size == 2


def test_shared_bin_factors():
    found = declared_parameters([channel(c, None, ("s", [1.0, 1.0], ShapeFactor(name="f"))) for c in ("B", "A")])
    assert found["f"].size == 2
    assert len(list(found["f"].modifiers(ShapeFactor))) == 2


@pytest.mark.parametrize(
    ("modifiers", "match"),
    [
        ((NormFactor(name="x"), NormSys(name="x", lo=1, hi=1)), "'x' is used for normfactor and normsys"),
        ((ShapeFactor(name="x"), NormFactor(name="x")), "'x' is used for normfactor and shapefactor"),
        ((StatError(name="x", data=(1,)), ShapeFactor(name="x")), "'x' is used for shapefactor and staterror"),
        ((Lumi(name="x"), NormFactor(name="x")), "'x' is used for lumi and normfactor"),
    ],
)
def test_kinds_that_cannot_share_a_parameter(modifiers, match):
    with pytest.raises(InvalidWorkspace, match=match + r" \(last in channel 'SR', sample 's'\)"):
        declared_parameters([channel("SR", None, ("s", [1.0], *modifiers))])


def test_shared_bin_factors_need_equal_bins():
    channels = [
        channel("A", None, ("s", [1.0], ShapeFactor(name="f"))),
        channel("B", None, ("s", [1.0, 2.0], ShapeFactor(name="f"))),
    ]
    with pytest.raises(InvalidWorkspace, match="'f' is shared by channel 'A' with 1 bins and channel 'B' with 2 bins"):
        declared_parameters(channels)


@given(
    st.lists(st.text("ab_", min_size=1, max_size=120), max_size=8),
    st.lists(st.sampled_from("abcdef"), max_size=4),
    st.integers(5, 40),
)
def test_shortened_names_differ_where_names_do(names, middles, longest):
    """Also those that differ in the middle of a long name only, which is what is left out first."""
    names += [f"{'x' * 60}{middle}{'y' * 60}" for middle in middles]
    short = shortened_all(names, longest)
    assert len(short) == len(names)
    assert len(set(zip(names, short, strict=True))) == len(set(names)) == len(set(short))
    assert all(len(s) <= longest + 60 for s in short)
