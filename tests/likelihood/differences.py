"""Exact derivatives against central differences."""

import numpy as np

STEP = 1e-5


def difference(function, theta, i, step=STEP):
    """Central difference with one Richardson step, error of the order of the fourth power of the step."""

    def central(h):
        up, down = theta.copy(), theta.copy()
        up[i], down[i] = theta[i] + h, theta[i] - h
        return (np.asarray(function(up)) - np.asarray(function(down))) / (up[i] - down[i])

    return (4.0 * central(step) - central(2.0 * step)) / 3.0


def assert_derivatives_are_exact(model, data, theta, chosen=None, rtol=2e-6):
    """Gradient against differences of the NLL, rows of the Hessian against differences of the gradient.

    Points whose surroundings leave the domain are the caller's to avoid.
    """
    theta = np.asarray(theta, dtype=float)
    excess, gradient, hessian = model.expansion(theta, data)
    value, again = model.nll_and_gradient(theta, data)
    assert value == model.nll(theta, data)
    assert abs(value - excess - data.saturated_nll) <= 1e-12 * max(1.0, abs(value))
    size = max(1.0, np.abs(gradient).max())
    np.testing.assert_allclose(again, gradient, rtol=1e-9, atol=1e-10 * size)
    np.testing.assert_array_equal(model.hessian(theta, data), hessian)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-9, atol=1e-12 * max(1.0, np.abs(hessian).max()))
    for i in range(len(theta)) if chosen is None else chosen:
        scale = max(1.0, abs(gradient[i]))
        numeric = difference(lambda t: model.excess_nll(t, data), theta, i)
        noise = 1e-15 * max(1.0, abs(excess)) / STEP
        assert abs(numeric - gradient[i]) <= rtol * scale + 10 * noise, f"gradient of {model.parameters.names[i]}"
        row = difference(lambda t: model.excess_and_gradient(t, data)[1], theta, i)
        limit = rtol * np.maximum(np.abs(hessian[i]), np.maximum(1.0, 1e-4 * np.abs(hessian).max()))
        limit += 1e-14 * size / STEP
        bad = np.flatnonzero(~(np.abs(row - hessian[i]) <= limit))
        assert not bad.size, (
            f"Hessian of {model.parameters.names[i]} and {model.parameters.names[bad[0]]}: "
            f"{hessian[i, bad[0]]} but differences give {row[bad[0]]}"
        )
