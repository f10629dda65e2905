"""What the formulas need of an array library, and the two libraries that have it.

A namespace is JAX's or PyTorch's module of NumPy-like functions with the few things that each library spells its own
way. Nothing is set globally.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeAlias

import numpy as np

from hftranslate.errors import InputError, needs_extra

#: An array of the library in question, traced or not.
Array: TypeAlias = Any
Function: TypeAlias = Callable[..., Array]
#: A function of NumPy arrays that gives one or several of them.
OnHost: TypeAlias = Callable[..., Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """An array library.

    Attributes
    ----------
    name
        ``"jax"`` or ``"torch"``.
    xp
        its module of functions that are named and behave as NumPy's.
    floats, indices
        NumPy arrays as arrays of double precision, respectively as indices.
    segment_sum
        sums of ``values (n, ...)`` by ``segments (n,)``, an array of a given length.
    gammaln, log_ndtr
        special functions with their derivatives.
    stop
        the same numbers as constants to derivatives.
    gradient
        the gradient of a scalar function by its first argument.
    with_slope
        a function ``value(x, *others)``, of which ``moved(step, x, *others)`` is what a step of ``x`` moves it by: a
        program that need not keep what it made the value of compiles faster.
    on_host
        arrays of given shapes that a function of NumPy arrays makes; constants to derivatives.
    """

    name: str
    xp: Any
    floats: Callable[[Any], Array]
    indices: Callable[[Any], Array]
    segment_sum: Callable[[Array, Array, int], Array]
    gammaln: Callable[[Array], Array]
    log_ndtr: Callable[[Array], Array]
    stop: Callable[[Array], Array]
    gradient: Callable[[Callable[..., Array]], Callable[..., Array]]
    with_slope: Callable[[Function, Function], Function]
    on_host: Callable[..., tuple[Array, ...]]


def jax_namespace() -> Namespace:
    """JAX.

    Raises
    ------
    MissingExtra
        It is not installed.
    InputError
        It computes in single precision, as it does unless told otherwise.
    """
    with needs_extra("jax", "a likelihood for JAX"):
        import jax
        from jax.custom_derivatives import SymbolicZero
        from jax.scipy.special import gammaln, log_ndtr
    if not jax.config.jax_enable_x64:
        raise InputError(
            "JAX computes in single precision, which no likelihood survives; call "
            "jax.config.update('jax_enable_x64', True) before anything else"
        )
    xp = jax.numpy

    def segment_sum(values: Array, segments: Array, n: int) -> Array:
        return jax.ops.segment_sum(values, segments, num_segments=n, indices_are_sorted=True)

    def with_slope(value: Function, moved: Function) -> Function:
        def rule(point: tuple[Array, ...], steps: tuple[Array, ...]) -> tuple[Array, Array]:
            (x, *others), (step, *rest) = point, steps
            parts = [] if isinstance(step, SymbolicZero) else [moved(step, *point)]
            if not all(isinstance(r, SymbolicZero) for r in rest):
                along = [
                    xp.zeros_like(o) if isinstance(r, SymbolicZero) else r for o, r in zip(others, rest, strict=True)
                ]
                parts.append(jax.jvp(lambda *others: value(x, *others), others, along)[1])
            return value(*point), sum(parts[1:], parts[0])

        function: Function = jax.custom_jvp(value)
        function.defjvp(rule, symbolic_zeros=True)  # type: ignore[attr-defined]
        return function

    def on_host(function: OnHost, shapes: Sequence[tuple[int, ...]], *arguments: Array) -> tuple[Array, ...]:
        given = [jax.lax.stop_gradient(a) for a in arguments]
        made = [jax.ShapeDtypeStruct(shape, np.float64) for shape in shapes]
        called: tuple[Array, ...] = jax.pure_callback(_plain(function), made, *given, vmap_method="sequential")
        return called

    return Namespace(
        name="jax",
        xp=xp,
        floats=lambda values: xp.asarray(values, dtype=xp.float64),
        indices=np.asarray,  # they stay what they are while a function is compiled
        segment_sum=segment_sum,
        gammaln=gammaln,
        log_ndtr=log_ndtr,
        stop=jax.lax.stop_gradient,
        gradient=jax.grad,
        with_slope=with_slope,
        on_host=on_host,
    )


def torch_namespace(device: Any = "cpu") -> Namespace:
    """PyTorch, with constants on a device.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    with needs_extra("torch", "a likelihood for PyTorch"):
        import torch

    def segment_sum(values: Array, segments: Array, n: int) -> Array:
        return values.new_zeros((n, *values.shape[1:])).index_add(0, segments, values)

    def log_ndtr(x: Array) -> Array:  # PyTorch's own cannot be mapped over points
        z, low = x / sqrt(2.0), x < 0.0
        below = torch.log(0.5 * torch.special.erfcx(-torch.where(low, z, 0.0))) - torch.where(low, z, 0.0) ** 2
        return torch.where(low, below, torch.log1p(-0.5 * torch.erfc(torch.where(low, 0.0, z))))

    def on_host(function: OnHost, shapes: Sequence[tuple[int, ...]], *arguments: Array) -> tuple[Array, ...]:
        made: tuple[Array, ...] = _host_of_torch().apply(_plain(function), *arguments)
        return made

    return Namespace(
        name="torch",
        xp=torch,
        floats=lambda values: torch.as_tensor(np.array(values, dtype=np.float64), device=device),
        indices=lambda values: torch.as_tensor(np.array(values), device=device),
        segment_sum=segment_sum,
        gammaln=torch.lgamma,
        log_ndtr=log_ndtr,
        stop=lambda values: values.detach(),
        gradient=torch.func.grad,
        with_slope=lambda value, moved: value,
        on_host=on_host,
    )


def _plain(function: OnHost) -> Callable[..., list[Any]]:
    """The function with plain arrays at both ends."""

    def called(*arguments: Any) -> list[Any]:
        made = function(*(np.asarray(a, dtype=np.float64) for a in arguments))
        return [np.ascontiguousarray(part, dtype=np.float64) for part in made]

    return called


def _host_of_torch() -> Any:
    """A function of autograd that calls one of NumPy arrays, alone or, under ``vmap``, one point after the other."""
    import torch

    class Host(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(function: Any, *arguments: Any) -> Any:
            made = function(*(a.detach().cpu().numpy() for a in arguments))
            device = arguments[0].device
            return tuple(torch.as_tensor(part, device=device) for part in made)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.mark_non_differentiable(*output)
            ctx.made = len(output)

        @staticmethod
        def backward(ctx: Any, *slopes: Any) -> Any:
            return (None,) * len(ctx.needs_input_grad)

        @staticmethod
        def jvp(ctx: Any, *slopes: Any) -> Any:
            return (None,) * ctx.made

        @staticmethod
        def vmap(info: Any, in_dims: Any, function: Any, *arguments: Any) -> Any:
            points = []
            for i in range(info.batch_size):
                parts = zip(arguments, in_dims[1:], strict=True)
                points.append(Host.apply(function, *(a if d is None else a.select(d, i) for a, d in parts)))
            made = tuple(torch.stack(parts) for parts in zip(*points, strict=True))
            return made, (0,) * len(made)

    return Host
