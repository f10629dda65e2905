"""Sparse storage of the additive shifts gives what dense storage gives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.likelihood import storage
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import PYHF, ROOT
from tests.cases import workspace as published


def entries(seed):
    rng = np.random.default_rng(seed)
    n_cells, n_columns = 7, 4
    present = rng.random((n_cells, n_columns)) < 0.4
    rows, columns = np.nonzero(present)
    order = rng.permutation(len(rows))
    return n_cells, n_columns, rows[order], columns[order], rng.normal(size=len(rows)), rng.normal(size=len(rows)), rng


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_both_forms_agree(seed):
    n_cells, n_columns, rows, columns, s, a, rng = entries(seed)
    dense = storage.store(n_cells, n_columns, rows, columns, s, a)
    assert isinstance(dense, storage.DenseShifts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "_SMALL", 0)
        patch.setattr(storage, "_DENSE", 2.0)
        sparse = storage.store(n_cells, n_columns, rows, columns, s, a)
    assert isinstance(sparse, storage.SparseShifts)
    alpha, g, dg = rng.normal(size=(3, n_columns))
    v = rng.normal(size=n_cells)
    np.testing.assert_allclose(sparse.shift(alpha, g), dense.shift(alpha, g), atol=1e-12)
    for one, two in zip(sparse.pull(v), dense.pull(v), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-12)
    one, two = sparse.slopes(dg), dense.slopes(dg)
    index, starts = np.array([3, 0, 3, 6, 1]), np.array([0, 2, 3])
    weights = rng.normal(size=5)
    groups = storage.Groups.of(index, starts, n_cells)
    every = storage.Groups.of(None, np.array([0, 4]), n_cells)
    full = two if isinstance(two, np.ndarray) else two.toarray()
    expected = [weights[:2] @ full[index[:2]], weights[2] * full[3], weights[3:] @ full[index[3:]]]
    for g, w, sums in ((groups, weights, expected), (every, v, [v[:4] @ full[:4], v[4:] @ full[4:]])):
        assert g.places is not None
        for way in (g, replace(g, places=None)):  # by a selection matrix, and by adding up rows
            for slopes in (one, two):
                np.testing.assert_allclose(storage.weighted_sums(slopes, way, w), sums, atol=1e-12)


def test_a_large_sparse_matrix_is_stored_sparse_and_a_full_one_dense():
    n = 1100
    diagonal = np.arange(n)
    ones = np.ones(n)
    assert isinstance(storage.store(n, n, diagonal, diagonal, ones, ones), storage.SparseShifts)
    rows, columns = np.divmod(np.arange(n * n), n)
    full = np.ones(n * n)
    assert isinstance(storage.store(n, n, rows, columns, full, full), storage.DenseShifts)


@pytest.mark.parametrize("conventions", [PYHF, ROOT], ids=lambda c: c.name)
@pytest.mark.parametrize("name", ["sbottom_RegionA", "compressed_EWKinos"])
def test_published_models_do_not_depend_on_the_storage(shared, monkeypatch, name, conventions):
    workspace = published(name)
    model, data = compile_model(workspace, conventions=conventions)
    assert isinstance(model.cells.additive.shifts, storage.DenseShifts)
    theta = model.parameters.init + 0.2 * np.where(model.parameters.fixed, 0.0, model.parameters.width)
    expected = model.expansion(theta, data)
    jacobian = model.jacobian(theta)
    value, gradient = model.excess_and_gradient(theta, data)
    monkeypatch.setattr(storage, "_SMALL", 0)
    monkeypatch.setattr(storage, "_DENSE", 2.0)
    sparse, _ = compile_model(workspace, conventions=conventions)
    assert isinstance(sparse.cells.additive.shifts, storage.SparseShifts)
    found = sparse.expansion(theta, data)
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(sparse.jacobian(theta), jacobian, rtol=1e-9, atol=1e-9)
    assert sparse.excess_and_gradient(theta, data)[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(sparse.excess_and_gradient(theta, data)[1], gradient, rtol=1e-9, atol=1e-9)
