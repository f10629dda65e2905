"""What is called otherwise in another workspace is found by its content."""

from dataclasses import replace

from hypothesis import given, settings

from hftranslate.difference import difference
from hftranslate.difference.alignment import align, spelling
from hftranslate.editing import rename
from hftranslate.editing.names import channel_names, measurement_names
from hftranslate.workspace import Channel, HistoSys, Measurement, NormFactor, NormSys, Sample, StatError, Workspace
from tests.strategies import workspaces

WS = Workspace(
    channels=tuple(
        Channel(
            name=name,
            samples=(
                Sample(name="signal", nominal=(n, n + 1), modifiers=(NormFactor(name="mu"),)),
                Sample(
                    name="background",
                    nominal=(10 * n, 10),
                    modifiers=(
                        NormSys(name="JES", lo=0.9, hi=1.1),
                        HistoSys(name="JER", lo_data=(9, 9), hi_data=(11, 11)),
                        StatError(name=f"stat_{name}", data=(1, n)),
                    ),
                ),
            ),
            observed=(11 * n, 11),
        )
        for n, name in enumerate(("SR", "CR", "VR"), start=1)
    ),
    measurements=(Measurement(name="m", pois=("mu",)),),
)


def test_all_names_changed() -> None:
    other = rename(
        WS,
        channels={"SR": "signal region"},
        samples={"background": "bkg"},
        modifiers={"JES": "jet energy scale", "mu": "xsec"},
        measurements={"m": "fit"},
    )
    found = align(WS, other)
    assert found.channels == {"CR": "CR", "VR": "VR", "signal region": "SR"}
    assert found.samples["signal region", "bkg"] == "background"
    assert found.measurements == {"fit": "m"}
    assert found.entries["jet energy scale"] == "JES"
    assert found.entries["xsec"] == "mu"
    assert [(r.where, r.first, r.second) for r in found.renamed] == [
        ("channel", "SR", "signal region"),
        *[(f"channel {c!r}: sample", "background", "bkg") for c in ("SR", "CR", "VR")],
        ("measurement", "m", "fit"),
        ("parameter", "mu", "xsec"),
        ("parameter", "JES", "jet energy scale"),
    ]
    compared = difference(WS, other)
    assert {i.where for i in compared.items} == {r.where for r in found.renamed}
    assert "channel: 'SR' / 'signal region', with the same content" in [str(i) for i in compared.items]
    assert compared.likelihoods[0].nll == 0.0
    assert not compared.equal


def test_a_change_beside_a_new_name_is_found() -> None:
    """Not only the likelihood tells: names are matched, and the numbers behind them compared."""
    other = rename(WS, samples={"background": "bkg"})
    samples = tuple(
        replace(s, modifiers=(*s.modifiers[:2], StatError(name="stat_SR", data=(2, 2)))) if s.name == "bkg" else s
        for s in other.channels[0].samples
    )
    other = replace(other, channels=(replace(other.channels[0], samples=samples), *other.channels[1:]))
    numbers = [i for i in difference(WS, other).items if i.kind == "numbers"]
    assert [i.where for i in numbers] == [
        f"measurement 'm', parameter 'stat_SR[{b}]', constraint, centre and width, entry 1" for b in (0, 1)
    ]


def test_two_of_the_same_content_are_not_guessed() -> None:
    twins = replace(WS, channels=(WS.channels[0], replace(WS.channels[0], name="twin")))
    other = rename(twins, channels={"SR": "a", "twin": "b"})
    assert align(twins, other).channels == {}
    kinds = [(i.first is None, i.where) for i in difference(twins, other).items]
    assert kinds == [(False, "channel 'SR'"), (False, "channel 'twin'"), (True, "channel 'a'"), (True, "channel 'b'")]


def test_names_that_root_spells_otherwise() -> None:
    assert spelling("a b,c;d\\e\tf") == "a_b_c_d_e_f"
    assert spelling("channel_0lep") == spelling("0lep")
    assert spelling("channel_x") == "channel_x"
    other = rename(WS, channels={"SR": "S,R"}, modifiers={"JES": "J S"})
    spelt = rename(WS, channels={"SR": "S_R"}, modifiers={"JES": "J_S"})
    across = align(other, spelt, across=True)
    assert across.renamed == ()
    assert across.respelt == (
        "channel 'S,R' is spelt 'S_R' in the second, for ROOT",
        "parameter 'J S' is spelt 'J_S' in the second, for ROOT",
    )
    assert len(align(other, spelt).renamed) == 2


def test_the_factors_of_a_renamed_channel() -> None:
    """ROOT's names of staterrors hold the channel's."""
    one = rename(WS, modifiers={"stat_SR": "x", "stat_CR": "y"})
    two = rename(WS, channels={"SR": "signal region"})
    entries = align(one, two).entries
    assert entries["stat_SR[1]"] == "x[1]"
    assert entries["stat_CR[0]"] == "y[0]"


@settings(deadline=None, max_examples=40)
@given(ws=workspaces())
def test_a_workspace_is_itself(ws: Workspace) -> None:
    found = align(ws, ws, across=True)
    assert found.renamed == found.respelt == ()
    assert found.channels == {n: n for n in channel_names(ws)}
    assert found.measurements == {n: n for n in measurement_names(ws)}
    assert all(old == new for old, new in found.entries.items())
