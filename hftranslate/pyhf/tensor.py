"""pyhf's tensor library on NumPy, the only one that is here, and which one is set."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from hftranslate.pyhf import exceptions, optimize, probability

_DTYPES: dict[str, Any] = {"64b": (np.float64, np.int64, np.bool_), "32b": (np.float32, np.int32, np.bool_)}
#: What NumPy does not have under the same name.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "boolean_mask": operator.getitem,
    "conditional": lambda predicate, true_callable, false_callable: true_callable() if predicate else false_callable(),
    "gather": operator.getitem,
    "normal": stats.norm.pdf,
    "normal_cdf": stats.norm.cdf,
    "normal_logpdf": stats.norm.logpdf,
    "normal_dist": probability.Normal,
    "percentile": lambda a, q, axis=None, interpolation="linear": np.percentile(a, q, axis=axis, method=interpolation),
    "poisson": lambda n, lam: np.exp(probability.poisson_logpdf(n, lam)),
    "poisson_dist": probability.Poisson,
    "poisson_logpdf": probability.poisson_logpdf,
    "product": np.prod,
    "simple_broadcast": np.broadcast_arrays,
    "to_numpy": lambda tensor_in: tensor_in,
    "tolist": lambda tensor_in: tensor_in if isinstance(tensor_in, list) else tensor_in.tolist(),
}


class numpy_backend:
    """Functions of NumPy and SciPy under pyhf's names; arrays are of double precision unless ``"32b"`` is asked for."""

    name, array_type, array_subtype, default_do_grad = "numpy", np.ndarray, np.number, False

    def __init__(self, precision: str = "64b", **_: Any) -> None:
        self.precision = precision
        self.dtypemap = dict(zip(("float", "int", "bool"), _DTYPES[precision], strict=True))

    def __getattr__(self, name: str) -> Any:
        return _FUNCTIONS[name] if name in _FUNCTIONS else getattr(special if name.startswith("erf") else np, name)

    def astensor(self, tensor_in: Any, dtype: str = "float") -> Any:
        """An array of ``"float"``, ``"int"`` or ``"bool"``."""
        return np.asarray(tensor_in, dtype=self.dtypemap[dtype])


#: The tensor library and the optimizer that are set: the one thing that pyhf keeps for all.
_set = dict.fromkeys(("current", "default"), (numpy_backend(), optimize.scipy_optimizer()))


def get_backend(default: bool = False) -> tuple[numpy_backend, optimize.scipy_optimizer]:
    """The tensor library and the optimizer."""
    return _set["default" if default else "current"]


def set_backend(backend: Any, custom_optimizer: Any = None, precision: Any = None, default: bool = False) -> None:
    """Choose the backend, which can be ``"numpy"`` only, and the optimizer, ``"scipy"`` or ``"minuit"``."""
    given = (v.decode() if isinstance(v, bytes) else v for v in (backend, custom_optimizer or "scipy", precision))
    backend, optimizer, precision = (v.lower() if isinstance(v, str) else v for v in given)
    if backend in ("jax", "pytorch", "tensorflow"):
        raise exceptions.ImportBackendError(f"The {backend} backend cannot be used: only numpy is here.")
    if precision not in (None, *_DTYPES):
        raise exceptions.Unsupported(f"The backend precision provided is not supported: {precision}.")
    if backend == "numpy" or (precision and precision != backend.precision):
        backend = numpy_backend(precision or "64b")
    if optimizer in ("scipy", "minuit"):
        optimizer = getattr(optimize, f"{optimizer}_optimizer")()
    if not isinstance(backend, numpy_backend):
        raise exceptions.InvalidBackend(f"The backend provided is not supported: {backend}.")
    if not isinstance(optimizer, optimize.scipy_optimizer):
        raise exceptions.InvalidOptimizer(f"The optimizer provided is not supported: {optimizer}.")
    _set.update(dict.fromkeys(("current", "default") if default else ("current",), (backend, optimizer)))
