"""The special functions and LAPACK routines that are used here, without what SciPy's packages import beside them.

``scipy.special`` and ``scipy.linalg`` load a hundred modules, NumPy's test tools and Fortran compiler among them, which
takes longer than most commands work. The compiled modules need none of these, but are no public part of SciPy: where
they cannot be had alone, everything comes from the packages.
"""

import sys
import threading
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any


def part(name: str, public: str, *compiled: str) -> Any:
    """What a module of SciPy calls by a name: from the first compiled module behind it that has it, or itself."""
    for module in filter(None, map(_alone, compiled)):
        if hasattr(module, name):
            return getattr(module, name)
    return getattr(import_module(public), name)


class _Stub(ModuleType):
    """A package that knows its folder and has nothing in it; what is asked of it later is the real one's."""

    def __getattr__(self, name: str) -> Any:
        real = import_module(self.__name__)
        if real is self:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(real, name)


@cache
def _alone(compiled: str) -> ModuleType | None:
    """A compiled module without its package; ``None`` where that cannot be had.

    What is imported meanwhile is forgotten: a later import of the package does all that it would have done. Other
    threads might import parts of it meanwhile, and would see it.
    """
    package = compiled.rpartition(".")[0]
    top = package.partition(".")[0]
    known = set(sys.modules)
    if package not in known and threading.active_count() > 1:
        return None
    try:
        for name in (top, f"{top}._lib", package):
            if name not in known and (spec := find_spec(name)) is not None:
                stub = sys.modules[name] = _Stub(name)
                stub.__spec__, stub.__path__ = spec, list(spec.submodule_search_locations or ())
        return import_module(compiled)
    except Exception:  # of a version of SciPy that is built in another way
        return None
    finally:
        if package not in known:
            for name in [m for m in sys.modules if m not in known and m.partition(".")[0] == top]:
                del sys.modules[name]


if TYPE_CHECKING:
    from scipy.linalg.lapack import dgetrf as dgetrf
    from scipy.linalg.lapack import dgetri as dgetri
    from scipy.linalg.lapack import dposv as dposv
    from scipy.linalg.lapack import dpotrf as dpotrf
    from scipy.linalg.lapack import dpotri as dpotri
    from scipy.linalg.lapack import dpotrs as dpotrs
    from scipy.linalg.lapack import dtrtrs as dtrtrs
    from scipy.special import erfcx as erfcx
    from scipy.special import gammaln as gammaln
    from scipy.special import log_ndtr as log_ndtr
    from scipy.special import ndtr as ndtr
    from scipy.special import ndtri as ndtri
    from scipy.special import xlogy as xlogy

#: Where each name comes from: the public module, and the compiled ones behind it. The first has no linear algebra,
#: which alone takes as long to load as all else here.
HOMES = {
    **dict.fromkeys(
        ("erfcx", "gammaln", "log_ndtr", "ndtr", "xlogy"),
        ("scipy.special", "scipy.special._special_ufuncs", "scipy.special._ufuncs"),
    ),
    "ndtri": ("scipy.special", "scipy.special._ufuncs"),
    **dict.fromkeys(
        ("dgetrf", "dgetri", "dposv", "dpotrf", "dpotri", "dpotrs", "dtrtrs"),
        ("scipy.linalg.lapack", "scipy.linalg._flapack"),
    ),
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    public, *compiled = HOMES[name]
    found = globals()[name] = part(name, public, *compiled)
    return found
