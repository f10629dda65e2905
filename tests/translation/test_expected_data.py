"""Expected events where there are no observed ones."""

from dataclasses import replace

import pytest

from hftranslate.translation.expected_data import EXPECTED, with_expected_data
from hftranslate.workspace import Workspace
from tests.validation.test_round_trips_in_root import several_axes


def blinded(*names: str) -> Workspace:
    ws = several_axes()
    return replace(ws, channels=tuple(replace(c, observed=None) if c.name in names else c for c in ws.channels))


def test_the_nominal_expectation_takes_the_place_of_missing_data() -> None:
    ws, outcomes = with_expected_data(blinded("flat"))
    flat, solid = ws.channels
    assert solid == several_axes().channels[1]
    signal, background = flat.samples
    free = [1.25 if i == 3 else 1.0 for i in range(6)]  # the setting of one bin factor
    expected = [1.5 * s + b * f for s, b, f in zip(signal.nominal, background.nominal, free, strict=True)]
    assert flat.observed == pytest.approx(expected, rel=1e-14)
    assert flat.annotations == ((EXPECTED, "nominal expectation of measurement 'meas'"),)
    assert [str(o) for o in outcomes] == [
        "default: channel 'flat': no observed data: the nominal expectation of measurement 'meas', ROOT's asimovData, "
        "takes their place"
    ]


def test_data_that_are_there_are_left_alone() -> None:
    assert with_expected_data(several_axes()) == (several_axes(), ())
