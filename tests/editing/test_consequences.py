"""What an edit brought about that nobody asked for is told."""

from dataclasses import replace

import pytest

from hftranslate.editing import Places, consequences, prune, rename, sort
from hftranslate.errors import InvalidWorkspace
from hftranslate.workspace import Measurement, Workspace
from tests.editing.test_pruning import WS


def test_nothing_to_tell() -> None:
    assert consequences(WS, WS) == ()
    assert consequences(WS, prune(WS, channels=["CR"])) == ()


def test_a_parameter_of_interest_without_a_modifier() -> None:
    pruned = prune(WS, places=Places(samples_in=[("SR", "signal")]))
    (told,) = consequences(WS, pruned)
    assert told == (
        "no modifier uses 'mu' any more, the parameter of interest of 'm': tests and limits need another one, "
        "or a signal patch"
    )
    never = replace(WS, measurements=(Measurement(name="m", pois=("of a signal to come",)),))
    assert consequences(never, prune(never, channels=["CR"])) == ()


def test_settings_without_a_modifier() -> None:
    assert consequences(WS, prune(WS, modifier_types=["shapesys", "histosys"])) == (
        "settings remain of parameters that no modifier uses any more: 'shape'",
    )


def test_parameters_that_became_one() -> None:
    ws = replace(WS, measurements=(Measurement(name="m"),))
    assert consequences(ws, rename(ws, modifiers={"shape": "stat 2"})) == ()
    with pytest.raises(InvalidWorkspace, match="the name 'JES' is used for"):
        consequences(ws, rename(ws, modifiers={"stat": "JES"}))
    other = rename(ws, channels={"SR": "SR2", "CR": "CR2"}, modifiers={"JES": "JER", "mu": "xs"})
    both = Workspace(channels=(ws.channels[0], other.channels[0]), measurements=ws.measurements)
    assert consequences(both, rename(both, modifiers={"JER": "JES"})) == (
        "'JES' acts on 4 modifiers instead of 2: they share it now",
    )


def test_bin_edges() -> None:
    assert consequences(WS, prune(WS, places=Places(bins=[("SR", 1)]))) == (
        "channel 'SR': the bins left are no longer one range; their edges are dropped",
    )


def test_another_default_measurement() -> None:
    ws = replace(WS, measurements=(Measurement(name="z"), Measurement(name="a")))
    assert consequences(ws, sort(ws)) == ("the first measurement, which is the default, is now 'a' instead of 'z'",)
    assert consequences(ws, prune(ws, measurements=["z"])) == ()
