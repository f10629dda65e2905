"""Same meaning, and everything that is another one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hftranslate.difference import Difference, difference, difference_of_translation
from hftranslate.editing import rename
from hftranslate.errors import InputError, MissingInput
from hftranslate.formats.histfactory_xml import read_back
from hftranslate.formats.outcomes import of_kind
from hftranslate.formats.pyhf_json import from_document
from hftranslate.translation.write import to_pyhf_json, to_xml
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from tests.cases import case_ids
from tests.cases import workspace as published
from tests.strategies import permuted, workspaces


def workspace(*modifiers: Modifier, **changes: Any) -> Workspace:
    """A signal without and a background with the modifiers, in two bins."""
    channel = Channel(
        name="SR",
        samples=(
            Sample(name="signal", nominal=(5.0, 6.0), modifiers=(NormFactor(name="mu"),)),
            Sample(name="background", nominal=(50.0, 60.0), modifiers=modifiers),
        ),
        observed=(55, 66),
    )
    return replace(
        Workspace(channels=(channel,), measurements=(Measurement(name="m", pois=("mu",)),)),
        **changes,
    )


def setting(**attributes: Any) -> Measurement:
    return Measurement(name="m", pois=("mu",), parameters=(ParameterConfig(**attributes),))


JES = NormSys(name="JES", lo=0.9, hi=1.1)
STAT = StatError(name="stat", data=(5.0, 6.0))


# -------------------------------------------------------------------------------------------------- same meaning
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_order_does_not_matter(data: st.DataObject) -> None:
    ws = data.draw(workspaces())
    found = difference(ws, data.draw(permuted(ws)))
    assert found.equal, found.items
    assert found.largest < 1e-12  # sums over samples in another order
    assert not found.items


@pytest.mark.slow
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(ws=workspaces("pyhf-json"))
def test_a_translation_to_xml_without_loss_has_the_same_meaning(ws: Workspace) -> None:
    try:
        translated = to_xml(ws, measure=False)
    except InputError:
        assume(False)
    told = [o.what for o in translated.outcomes if o.kind in ("loss", "carried")]
    assume(not any(o.kind == "loss" for o in translated.outcomes))
    assume(not any("cannot be said in XML" in what or "starts elsewhere" in what for what in told))
    back, _ = read_back(translated.model)
    announced = [o.renamed for o in translated.outcomes if o.renamed is not None]
    assert difference_of_translation(ws, back, announced=announced).items == ()
    assert difference_of_translation(back, ws, announced=[(kind, new, old) for kind, old, new in announced]).items == ()
    assert difference_of_translation(ws, back, announced=announced).equal


@pytest.mark.slow
@pytest.mark.parametrize("name", case_ids())
def test_published_workspaces_and_their_xml(name: str) -> None:
    ws = published(name)
    if sum(len(s.modifiers) for c in ws.channels for s in c.samples) > 2000:
        pytest.skip("takes seconds, and has nothing that the others have not")
    back, _ = read_back(to_xml(ws, measure=False).model)
    found = difference(ws, back)
    assert found.items == ()
    assert found.equal
    assert found.compared > 0
    assert all(c.points > 1 and c.nll is not None and c.nll < 1e-9 for c in found.likelihoods)


PAIRS: dict[str, tuple[Workspace, Workspace]] = {
    "name of the staterror": (workspace(STAT), workspace(replace(STAT, name="mcstat"))),
    "Gaussian shapesys and staterror": (
        workspace(STAT),
        workspace(ShapeSys(name="stat", data=(0.1, 0.1), relative=True, constraint="gaussian")),
    ),
    "Poisson staterror and shapesys": (
        workspace(replace(STAT, constraint="poisson"), conventions=ROOT),
        workspace(ShapeSys(name="stat", data=(5.0, 6.0))),
    ),
    "absolute and relative": (
        workspace(ShapeSys(name="s", data=(5.0, 6.0))),
        workspace(ShapeSys(name="s", data=(0.1, 0.1), relative=True)),
    ),
    "below the threshold and without an error": (
        workspace(StatError(name="stat", data=(1.0, 6.0), threshold=0.05), conventions=ROOT),
        workspace(StatError(name="stat", data=(0.0, 6.0))),
    ),
    "luminosity of one": (
        workspace(
            Lumi(),
            conventions=ROOT,
            measurements=(setting(name="lumi", auxdata=(1.0,), sigmas=(0.0,)),),
        ),
        workspace(),
    ),
    "removed and not there": (
        workspace(
            JES,
            conventions=ROOT,
            measurements=(replace(setting(name="JES"), constraint_terms=(ConstraintTerm(name="JES", kind="none"),)),),
        ),
        workspace(),
    ),
    "several parameters of interest": (
        workspace(conventions=ROOT, measurements=(Measurement(name="m", pois=("unknown", "mu")),)),
        workspace(),
    ),
    "one bin factor and its set": (
        Workspace(
            channels=(
                Channel(name="c", samples=(Sample(name="s", nominal=(1,), modifiers=(ShapeFactor(name="f"),)),)),
            ),
            measurements=(Measurement(name="m", pois=("f",)),),
        ),
        Workspace(
            channels=(
                Channel(name="c", samples=(Sample(name="s", nominal=(1,), modifiers=(ShapeFactor(name="f"),)),)),
            ),
            measurements=(Measurement(name="m", pois=("f[0]",)),),
        ),
    ),
    "ranges that one format cannot state": (
        workspace(JES, measurements=(setting(name="JES", bounds=((-4.0, 4.0),)),)),
        workspace(JES, conventions=ROOT),
    ),
    "a smallest factor": (workspace(replace(JES, lo=0.0), conventions=ROOT), workspace(replace(JES, lo=2.2e-308))),
    "names that ROOT refuses": (
        rename(workspace(JES), channels={"SR": "0,SR"}, samples={"signal": "a;b"}, modifiers={"JES": "J E\tS"}),
        rename(
            workspace(JES, conventions=ROOT),
            channels={"SR": "channel_0_SR"},
            samples={"signal": "a_b"},
            modifiers={"JES": "J_E_S"},
        ),
    ),
    "edges that only one states": (
        workspace(),
        replace(workspace(), channels=(replace(workspace().channels[0], edges=((0, 1, 2),)),)),
    ),
    "the last digit": (workspace(JES), workspace(replace(JES, hi=1.1 * (1 + 3e-16)))),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_in_other_words(name: str) -> None:
    one, two = PAIRS[name]
    for found in (difference(one, two), difference(two, one)):
        assert found.items == ()
        assert found.equal
        assert all(c.nll is None or c.nll < 1e-9 for c in found.likelihoods)


# ----------------------------------------------------------------------------------------------- another meaning
def changed(ws: Workspace, change: Callable[[Channel], Channel]) -> Workspace:
    return replace(ws, channels=tuple(map(change, ws.channels)))


def without_last_sample(c: Channel) -> Channel:
    return replace(c, samples=c.samples[:-1])


FULL = workspace(
    JES,
    HistoSys(name="JER", lo_data=(49.0, 58.0), hi_data=(51.0, 62.0)),
    STAT,
    measurements=(Measurement(name="m", pois=("mu",)), Measurement(name="n", pois=("mu",))),
)
SR = FULL.channels[0]


def with_background(ws: Workspace, *modifiers: Modifier) -> Workspace:
    return replace(ws, channels=workspace(*modifiers).channels)


CHANGES: dict[str, tuple[Workspace, str, str]] = {
    "a channel": (
        replace(FULL, channels=(SR, replace(workspace().channels[0], name="CR", observed=(1, 2)))),
        "structure",
        "channel 'CR': only in the second (2 bins)",
    ),
    "a sample": (
        changed(FULL, without_last_sample),
        "structure",
        "channel 'SR', sample 'background': only in the first (sample)",
    ),
    "a modifier": (
        with_background(FULL, JES, STAT),
        "structure",
        "channel 'SR', sample 'background', histosys 'JER': only in the first (interpolation code4p)",
    ),
    "a yield": (
        changed(FULL, lambda c: replace(c, samples=(replace(c.samples[0], nominal=(5.0, 6.06)), c.samples[1]))),
        "numbers",
        "channel 'SR', sample 'signal', nominal yields, entry 1: 6.0 / 6.06 (relative difference 0.0099)",
    ),
    "data": (
        changed(FULL, lambda c: replace(c, observed=(55, 67))),
        "numbers",
        "channel 'SR', observed data, entry 1: 66 / 67 (relative difference 0.015)",
    ),
    "no data": (
        changed(FULL, lambda c: replace(c, observed=None)),
        "numbers",
        "channel 'SR', observed data: only in the first (55, 66)",
    ),
    "a factor": (
        with_background(FULL, replace(JES, hi=1.2), *SR.samples[1].modifiers[1:]),
        "numbers",
        "normsys 'JES', lo and hi, entry 1: 1.1 / 1.2",
    ),
    "a shape": (
        with_background(FULL, JES, HistoSys(name="JER", lo_data=(49.0, 58.0), hi_data=(51.0, 63.0)), STAT),
        "numbers",
        "histosys 'JER', hi, entry 1: 62.0 / 63.0",
    ),
    "an interpolation": (
        with_background(FULL, replace(JES, interpolation="code1"), *SR.samples[1].modifiers[1:]),
        "structure",
        "normsys 'JES': interpolation code4 / interpolation code1",
    ),
    "a statistical error": (
        with_background(FULL, *SR.samples[1].modifiers[:2], replace(STAT, data=(5.0, 7.0))),
        "numbers",
        "measurement 'm', parameter 'stat[1]', constraint, centre and width, entry 1: 0.1 / 0.116",
    ),
    "a kind of constraint": (
        with_background(FULL, *SR.samples[1].modifiers[:2], replace(STAT, constraint="poisson")),
        "structure",
        "measurement 'm', parameter 'stat[0]', constraint: gaussian / poisson",
    ),
    "a constant": (
        replace(FULL, measurements=(setting(name="JES", fixed=True), FULL.measurements[1])),
        "settings",
        "measurement 'm', parameter 'JES': free / constant at 0",
    ),
    "a range": (
        replace(FULL, measurements=(setting(name="mu", bounds=((0.0, 20.0),)), FULL.measurements[1])),
        "settings",
        "measurement 'm', parameter 'mu', range, entry 1: 10.0 / 20.0",
    ),
    "an initial value": (
        replace(FULL, measurements=(setting(name="mu", inits=(2.0,)), FULL.measurements[1])),
        "settings",
        "measurement 'm', parameter 'mu', initial value: 1.0 / 2.0",
    ),
    "a centre": (
        replace(FULL, measurements=(setting(name="JES", auxdata=(0.5,)), FULL.measurements[1])),
        "numbers",
        "measurement 'm', parameter 'JES', constraint, centre and width, entry 0: 0.0 / 0.5",
    ),
    "a parameter of interest": (
        replace(FULL, measurements=(Measurement(name="m", pois=("JES",)), FULL.measurements[1])),
        "settings",
        "measurement 'm', parameters of interest: mu / JES",
    ),
    "a measurement": (
        replace(FULL, measurements=FULL.measurements[:1]),
        "structure",
        "measurement 'n': only in the first (measurement)",
    ),
    "bins": (
        Workspace(
            channels=(Channel(name="SR", samples=(Sample(name="signal", nominal=(1,)),), observed=(1,)),),
            measurements=FULL.measurements,
        ),
        "structure",
        "channel 'SR': 2 bins / 1 bins",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_found(name: str) -> None:
    other, kind, words = CHANGES[name]
    found = difference(FULL, other)
    assert not found.equal
    assert [i for i in found.items if i.kind == kind and words in str(i)], found.items
    mirrored = difference(other, FULL)
    assert not mirrored.equal
    assert len(mirrored.items) == len(found.items)


def test_a_change_of_a_number_shows_in_the_likelihood() -> None:
    other, _, _ = CHANGES["a factor"]
    found = difference(FULL, other)
    assert [c.measurement for c in found.likelihoods] == ["m", "n"]
    for c in found.likelihoods:
        assert c.nll is not None
        assert c.nll > 0.1
        assert dict(c.at).keys() == {"JES"}
        assert c.yields is not None
        assert c.yields > 0.1
        assert not found.same_likelihood(c)


def test_the_tolerance() -> None:
    other = with_background(FULL, replace(JES, hi=1.1001), *SR.samples[1].modifiers[1:])
    assert not difference(FULL, other).equal
    loose = difference(FULL, other, tolerance=1e-3)
    assert loose.equal
    assert loose.largest == pytest.approx(1e-4 / 1.1001)
    assert loose.largest_at == "channel 'SR', sample 'background', normsys 'JES', lo and hi"
    assert loose.nll_tolerance == pytest.approx(1.0)
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="expected a number that is not negative"):
            difference(FULL, other, tolerance=bad)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_changed_yield_stays_unseen(data: st.DataObject) -> None:
    ws = data.draw(workspaces("pyhf-json"))
    c = data.draw(st.sampled_from(ws.channels))
    s = data.draw(st.sampled_from(c.samples))
    i = data.draw(st.integers(0, c.n_bins - 1))
    nominal = tuple(v * 1.001 + 0.001 if j == i else v for j, v in enumerate(s.nominal))
    samples = tuple(replace(s, nominal=nominal) if t is s else t for t in c.samples)
    other = replace(ws, channels=tuple(replace(c, samples=samples) if d is c else d for d in ws.channels))
    found = difference(ws, other)
    assert any("nominal yields" in item.where for item in found.items)


# ------------------------------------------------------------------------------------------------------- choices
def test_one_measurement() -> None:
    other = replace(FULL, measurements=(FULL.measurements[0], Measurement(name="n", pois=("JES",))))
    assert difference(FULL, other, measurement="m").equal
    assert not difference(FULL, other, measurement="n").equal
    with pytest.raises(MissingInput, match="no measurement 'o'"):
        difference(FULL, other, measurement="o")


def test_conventions() -> None:
    """Both are evaluated in the same way; by default as the first is."""
    clipped = workspace(HistoSys(name="h", lo_data=(-60.0, 50.0), hi_data=(60.0, 70.0)))
    as_root = replace(clipped, conventions=ROOT)
    for one, two, chosen, name in [
        (clipped, as_root, None, "pyhf"),
        (as_root, clipped, None, "root"),
        (clipped, as_root, ROOT, "root"),
        (clipped, clipped, PYHF, "pyhf"),
    ]:
        found = difference(one, two, conventions=chosen)
        assert found.equal
        assert [c.conventions for c in found.likelihoods] == [name]
    assert "compared under root" in difference(clipped, as_root, conventions=ROOT).notes[0]


def test_what_cannot_be_evaluated_is_a_note_where_neither_can() -> None:
    broken = workspace(Lumi())
    found = difference(broken, broken)
    assert found.equal
    assert [note for note in found.notes if "were not compared" in note and "has no auxdata and sigmas" in note]
    assert found.likelihoods[0].nll is None
    assert "has no auxdata and sigmas" in found.likelihoods[0].why
    configured = replace(broken, measurements=(setting(name="lumi", auxdata=(1.0,), sigmas=(0.1,)),))
    half = difference(broken, configured)
    assert not half.equal
    assert [i for i in half.items if i.second == "can be evaluated"]


def test_functions_and_constraint_terms() -> None:
    def made(expression: str, kind: str | None = None, size: float = 0.3) -> Workspace:
        terms = () if kind is None else (ConstraintTerm(name="JES", kind=kind, relative_uncertainty=size),)  # type: ignore[arg-type]
        return workspace(
            JES,
            NormFactor(name="k"),
            functions=(
                Function(
                    name="k",
                    expression=expression,
                    dependents="x[1,0,3],mu[1,0,10]" if "mu" in expression else "x[1,0,3]",
                ),
            ),
            conventions=ROOT,
            measurements=(Measurement(name="m", pois=("mu",), constraint_terms=terms),),
        )

    assert difference(made("2*x"), made("2*x")).equal
    (item,) = difference(made("2*x"), made("3*x")).items
    assert str(item) == "function 'k': 2*x of x[1,0,3] / 3*x of x[1,0,3]"
    assert difference(made("x", "lognormal"), made("x", "lognormal")).equal
    assert "constraint term" in str(difference(made("x", "lognormal"), made("x")).items)
    product = made("x*mu")
    assert to_pyhf_json(product).outcomes
    assert difference(product, from_document(to_pyhf_json(product).document)).equal
    assert "constraint term" in str(difference(made("x", "lognormal"), made("x", "lognormal", 0.4)).items)
    assert difference(made("x", "gamma", 0.5), made("x", "gamma", 0.5)).equal
    assert not difference(made("x", "gamma", 0.5), made("x", "gamma", 0.6)).equal
    assert not difference(made("x", "gamma", 0.5), made("x")).equal
    assert not difference(made("x", "uniform", 0.5), made("x")).equal


def test_a_systematic_removed_from_one_of_two_measurements() -> None:
    """JSON says it by a constant zero."""
    term = (ConstraintTerm(name="JES", kind="none"),)
    one = workspace(
        JES,
        conventions=ROOT,
        measurements=(Measurement(name="m", pois=("mu",), constraint_terms=term), Measurement(name="n", pois=("mu",))),
    )
    two = from_document(to_pyhf_json(one).document)
    assert difference(one, two).equal
    freed = replace(two, measurements=(Measurement(name="m", pois=("mu",)), two.measurements[1]))
    assert not difference(one, freed).equal


def test_losses_are_differences() -> None:
    ws = workspace(
        JES,
        conventions=ROOT,
        measurements=(replace(setting(name="JES"), constraint_terms=(ConstraintTerm(name="JES", kind="uniform"),)),),
    )
    translated = to_pyhf_json(ws)
    assert of_kind(translated.outcomes, "loss")
    found: Difference = difference(ws, from_document(translated.document))
    assert not found.equal
    assert "entry 1: 100.0 / 1.0" in str(found.items[0])
