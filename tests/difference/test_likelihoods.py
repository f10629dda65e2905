"""Two likelihoods at many points."""

from dataclasses import replace

import numpy as np
import pytest

from hftranslate.difference import LikelihoodComparison, likelihoods
from hftranslate.difference.likelihoods import same_rules
from hftranslate.difference.statements import Labels
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    HistoSys,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeSys,
    Workspace,
)
from tests.difference.test_alignment import WS


def compared(one: Workspace, two: Workspace, **names: dict[str, str]) -> LikelihoodComparison:
    return likelihoods(
        one,
        two,
        (one.measurements[0].name, two.measurements[0].name),
        Labels(channels=names.get("channels", {}), samples={}, entries=names.get("entries", {})),
    )


def with_jes(lo: float, hi: float) -> Workspace:
    return Workspace(
        channels=(
            Channel(
                name="SR",
                samples=(Sample(name="s", nominal=(100.0,), modifiers=(NormSys(name="JES", lo=lo, hi=hi),)),),
                observed=(105,),
            ),
        ),
        measurements=(Measurement(name="m"),),
    )


def test_the_difference_is_that_of_the_nll() -> None:
    one, two = with_jes(0.9, 1.1), with_jes(0.9, 1.2)
    found = compared(one, two)
    (a, data_a), (b, data_b) = compile_model(one), compile_model(two)
    points = [np.array([x]) for x in (-3.0, -1.0, 0.0, 1.0, 3.0)]
    differences = [a.nll(p, data_a) - b.nll(p, data_b) for p in points]
    assert found.nll == pytest.approx(max(abs(d - differences[2]) for d in differences))
    assert found.at == (("JES", 3.0),)
    assert found.yields == pytest.approx(1.0 - 1.1**3 / 1.2**3)
    assert found.points == 25
    assert (found.outside, found.why) == (0, "")


def test_nothing_different() -> None:
    found = compared(WS, WS)
    assert (found.nll, found.yields, found.at, found.outside) == (0.0, 0.0, (), 0)


def test_channels_and_parameters_by_other_names() -> None:
    turned = replace(WS, channels=WS.channels[::-1])
    assert compared(WS, turned).nll == pytest.approx(0.0, abs=1e-9)
    named = replace(turned, channels=tuple(replace(c, name=f"new {c.name}") for c in turned.channels))
    channels = {f"new {c.name}": c.name for c in WS.channels}
    assert compared(WS, named, channels=channels).nll == pytest.approx(0.0, abs=1e-9)
    lost = compared(WS, named)
    assert lost.nll == np.inf
    assert lost.why == "their channels differ"


def test_parameters_that_only_one_has() -> None:
    bare = replace(
        WS,
        channels=tuple(replace(c, samples=(replace(c.samples[0], modifiers=()), c.samples[1])) for c in WS.channels),
    )
    for one, two in ((WS, bare), (bare, WS)):
        found = compared(one, two)
        assert found.nll == np.inf
        assert found.why == "free in one of them only: mu"


def test_parameters_without_effect_may_be_missing() -> None:
    """A factor of an empty bin is a constraint term by itself, which one workspace has and the other has not."""
    channel = Channel(name="c", samples=(Sample(name="s", nominal=(0.0, 5.0)),), observed=(0, 5))
    shape = ShapeSys(name="s", data=(0.5, 0.1), relative=True)
    one = Workspace(
        channels=(replace(channel, samples=(replace(channel.samples[0], modifiers=(shape,)),)),),
        measurements=(Measurement(name="m"),),
        conventions=ROOT,
    )
    constant = ParameterConfig(name="s", fixed=(True, False))
    two = replace(one, measurements=(Measurement(name="m", parameters=(constant,)),))
    assert compared(one, two).nll == 0.0
    other = replace(one, measurements=(Measurement(name="m", parameters=(replace(constant, fixed=(True, True)),)),))
    found = compared(one, other)
    assert found.nll is not None
    assert found.nll > 0.1


def test_domains_that_differ_are_counted() -> None:
    shape = HistoSys(name="h", lo_data=(-5.0,), hi_data=(20.0,))
    one = replace(
        with_jes(1, 1),
        channels=(
            Channel(
                name="SR",
                samples=(
                    Sample(name="s", nominal=(10.0,), modifiers=(shape,)),
                    Sample(name="t", nominal=(2.0,), modifiers=(NormFactor(name="mu"),)),
                ),
                observed=(12,),
            ),
        ),
    )
    two = replace(one, channels=(replace(one.channels[0], samples=(one.channels[0].samples[0],)),))
    half = replace(shape, lo_data=(5.0,))
    three = replace(
        one,
        channels=(
            replace(
                one.channels[0],
                samples=(replace(one.channels[0].samples[0], modifiers=(half,)), one.channels[0].samples[1]),
            ),
        ),
    )
    assert compared(one, one).outside == 0
    assert compared(one, three).outside > 0
    assert compared(one, two).why


def test_why_nothing_was_compared() -> None:
    blind = replace(WS, channels=(replace(WS.channels[0], observed=None),))
    found = compared(blind, blind)
    assert found.nll is None
    assert found.why.startswith("channel 'SR' has no observed data")
    negative = replace(
        WS,
        channels=(Channel(name="c", samples=(Sample(name="s", nominal=(-1.0,)),), observed=(1,)),),
    )
    found = compared(negative, negative)
    assert (found.nll, found.points) == (None, 0)
    assert found.why == "no point lies inside the domain of both"


def test_rules_are_those_of_the_target_with_ranges_of_its_own() -> None:
    assert same_rules(PYHF, PYHF) == PYHF
    mixed = same_rules(ROOT, PYHF)
    assert (mixed.clip_samples, mixed.truncate_constraints) == (True, True)
    assert (mixed.root_ranges, mixed.constrain_empty) == (False, True)
    assert mixed.name == "root (ranges as pyhf)"
