"""Workspaces as pyhf JSON as they stand, and digests."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from hftranslate.errors import InputError
from hftranslate.formats.pyhf_json import from_document, to_document
from hftranslate.translation.as_json import ALGORITHMS, as_json, pyhf_digest
from hftranslate.translation.write import to_pyhf_json
from hftranslate.workspace import ROOT, Channel, Lumi, Measurement, ParameterConfig, Sample, Workspace
from tests.cli.documents import document
from tests.strategies import workspaces


@settings(deadline=None, max_examples=50)
@given(ws=workspaces("pyhf-json"))
def test_what_json_can_say_is_left_as_it_is(ws: Workspace) -> None:
    written = as_json(ws)
    assert from_document(written.document) == ws
    assert written.outcomes == ()


def test_no_rewriting_where_none_is_needed() -> None:
    """A translation leaves out a constant luminosity of one; an edited document keeps it."""
    constant = ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.0,))
    ws = Workspace(
        channels=(Channel(name="SR", samples=(Sample(name="s", nominal=(1,), modifiers=(Lumi(),)),), observed=(1,)),),
        measurements=(Measurement(name="m", parameters=(constant,)),),
    )
    assert as_json(ws).document == to_document(ws) != to_pyhf_json(ws).document


def test_all_else_is_translated() -> None:
    ws = replace(from_document(document()), conventions=ROOT)
    assert as_json(ws).document == to_pyhf_json(ws).document


def test_a_digest_knows_order_and_the_way_numbers_are_written() -> None:
    ws = from_document(document())
    changed = document()
    changed["observations"][0]["data"] = [55.0, 60]
    assert pyhf_digest(from_document(changed)) != pyhf_digest(ws)
    assert len(pyhf_digest(ws, "md5")) == 32
    assert "sha256" in ALGORITHMS
    with pytest.raises(InputError, match="no algorithm 'sha265' for digests; did you mean 'sha256'"):
        pyhf_digest(ws, "sha265")
    for name in ("shake_128", "new", "__doc__", ""):
        with pytest.raises(InputError):
            pyhf_digest(ws, name)
