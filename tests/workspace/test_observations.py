"""The order of observations, and those of channels that are not there."""

from dataclasses import replace

import pytest

from hftranslate.workspace import Channel, Measurement, Sample, Workspace
from hftranslate.workspace.observations import OBSERVATIONS, observation_annotation, observations, with_observations


def channel(name: str, observed: tuple[float, ...] | None = (1,)) -> Channel:
    return Channel(name=name, samples=(Sample(name="s", nominal=(1,)),), observed=observed)


WS = Workspace(channels=(channel("A"), channel("B", (2,))), measurements=(Measurement(name="m"),))


def test_the_usual_order_needs_no_annotation() -> None:
    assert observation_annotation(["A", "B"], [("A", (1,)), ("B", (2,))]) == ()
    assert observations(WS) == (("A", (1,)), ("B", (2,)))


def test_another_order_and_channels_that_are_not_there() -> None:
    told = (("B", (2,)), ("gone", (7, 8.0)), ("A", (1,)))
    kept = replace(WS, annotations=observation_annotation(["A", "B"], told))
    assert observations(kept) == told
    come = replace(kept, channels=(*kept.channels, channel("C", (3,))))
    assert observations(come) == (*told, ("C", (3,)))
    back = replace(kept, channels=(*kept.channels, channel("gone", (9,))))
    assert observations(back) == (("B", (2,)), ("A", (1,)), ("gone", (9,)))
    left = replace(kept, channels=kept.channels[:1])
    assert observations(left) == (("gone", (7, 8.0)), ("A", (1,)))


def test_observations_become_the_data_of_the_channels() -> None:
    told = (("B", (5,)), ("gone", (7,)), ("A", (4,)))
    changed = with_observations(WS, told)
    assert [c.observed for c in changed.channels] == [(4,), (5,)]
    assert observations(changed) == told
    assert with_observations(changed, observations(WS)) == WS
    assert with_observations(WS, [("A", (1,))]).channels[1].observed is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{}",
        "[1]",
        '["A", {"name": "x"}]',
        '[{"name": "x", "data": []}]',
        '[{"name": "x", "data": [null]}]',
        '[{"name": "x", "data": [1e999]}]',
        '[{"name": "x", "data": [NaN]}]',
        f'[{{"name": "x", "data": [1{"0" * 400}]}}]',
        '[{"name": 1, "data": [1]}]',
        "[" * 100_000,
    ],
)
def test_an_annotation_that_says_something_else_is_no_order(text: str) -> None:
    assert observations(replace(WS, annotations=((OBSERVATIONS, text),))) == observations(WS)
