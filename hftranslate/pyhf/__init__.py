"""pyhf's interface, evaluated by our engine: ``import hftranslate.pyhf as pyhf`` runs scripts made for pyhf.

Names, arguments, types and shapes of results are those of pyhf 0.7.6; the numbers come from the likelihood and the
fits of :mod:`hftranslate`. Submodules have pyhf's paths. What is not here is said in ``docs/from-pyhf.md``.
"""

from importlib import import_module
from typing import Any

from hftranslate.pyhf import compat, exceptions, infer, optimize, probability, schema, simplemodels, tensor, utils
from hftranslate.pyhf.patchset import PatchSet
from hftranslate.pyhf.pdf import Model
from hftranslate.pyhf.tensor import get_backend, set_backend
from hftranslate.pyhf.workspace import Workspace

__all__ = ["Model", "PatchSet", "Workspace", "compat", "exceptions", "get_backend", "infer", "optimize", "probability"]
__all__ += ["schema", "set_backend", "simplemodels", "tensor", "utils"]

#: The version whose interface this is.
__version__ = "0.7.6"


def __getattr__(name: str) -> Any:
    if name in ("contrib", "readxml", "writexml"):  # which take longer to import
        return import_module(f"{__name__}.{name}")
    if name not in ("default_backend", "optimizer", "tensorlib"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return get_backend(default=name == "default_backend")[name == "optimizer"]
