"""JAX and PyTorch, where they are installed, in the same words."""

from importlib.util import find_spec

import numpy as np
import pytest

from hftranslate.tensors import to_jax, to_torch

#: Each library; its tests are skipped where it is not installed.
EACH = pytest.mark.parametrize("library", ["jax", "torch"])


def exported(model, library):
    """The likelihood for a library, which is asked for double precision."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed (pip install 'hftranslate[{library}]')")
    if library == "torch":
        return to_torch(model)
    import jax

    jax.config.update("jax_enable_x64", True)
    return to_jax(model)


def plain(array):
    """An array of NumPy."""
    return array.detach().numpy() if hasattr(array, "detach") else np.asarray(array)


def expansion(likelihood, theta, data, direction):
    """Value and gradient of the log density, and the product of its Hessian with a direction, from one program."""
    floats = likelihood.formulas.library.floats

    def density(point):
        return likelihood.logpdf(point, likelihood.templates, likelihood.data(data))

    if likelihood.formulas.library.name == "torch":
        import torch

        point = floats(theta).requires_grad_()
        value = density(point)
        (gradient,) = torch.autograd.grad(value, point, create_graph=True)
        (product,) = torch.autograd.grad(gradient @ floats(direction), point)
        return tuple(map(plain, (value, gradient, product)))
    import jax

    @jax.jit
    def parts(point):
        (value, gradient), (_, product) = jax.jvp(jax.value_and_grad(density), (point,), (floats(direction),))
        return value, gradient, product

    return tuple(map(plain, parts(floats(theta))))


def slope(likelihood, function, direction):
    """Value, and derivative along a direction, of an array-valued function of templates."""
    floats, own = likelihood.formulas.library.floats, likelihood.templates
    if likelihood.formulas.library.name == "torch":
        import torch

        step = torch.zeros((), dtype=torch.float64, requires_grad=True)
        values = torch.atleast_1d(function({k: own[k] + step * floats(direction[k]) for k in own}))
        slopes = [torch.autograd.grad(v, step, retain_graph=True)[0].item() for v in values]
        return values.detach().numpy(), np.array(slopes)
    import jax

    def along(step):
        return jax.numpy.atleast_1d(function({k: own[k] + step * direction[k] for k in own}))

    return tuple(map(plain, jax.jvp(along, (0.0,), (1.0,))))


def near(model, rng):
    """A random point within the ranges."""
    p = model.parameters
    size = np.where(p.width > 0.0, p.width, 0.3 * np.maximum(np.abs(p.init), 0.3))
    moved = p.init + 0.7 * size * rng.normal(size=len(p))
    return np.where(p.fixed, p.init, np.clip(moved, p.bounds[:, 0], p.bounds[:, 1]))
