"""Sorting keeps the content; see test_against_pyhf for the order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.editing import sort
from hftranslate.translation.sidecar import canonical_digest
from hftranslate.workspace import Workspace
from tests.editing.valid import compiled
from tests.strategies import permuted, workspaces


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_order_becomes_the_same(data: st.DataObject) -> None:
    ws = data.draw(workspaces())
    other = data.draw(permuted(ws))
    assert sort(sort(ws)) == sort(ws)
    assert sort(other) == sort(ws)
    assert canonical_digest(sort(ws)) == canonical_digest(ws)


@settings(deadline=None, max_examples=30)
@given(ws=workspaces("pyhf-json"))
def test_the_likelihood_stays(ws: Workspace) -> None:
    name = ws.measurements[0].name
    one, data = compiled(ws, name)
    two, other = compiled(sort(ws), name)
    assert two.nll(two.parameters.init, other) == pytest.approx(
        one.nll(one.parameters.init, data), rel=1e-12, nan_ok=True
    )
