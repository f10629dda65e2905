"""The special functions and LAPACK routines that are used here, without what SciPy's packages import beside them.

``scipy.special`` and ``scipy.linalg`` load a hundred modules, NumPy's test tools and Fortran compiler among them, which
takes longer than most commands work. The compiled modules need none of these, but are no public part of SciPy: where
they cannot be had alone, everything comes from the packages.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any


def names_of(public: str, compiled: str, names: tuple[str, ...]) -> list[Any]:
    """What a module of SciPy calls by these names: from the compiled module behind it, or else from itself.

    What is imported meanwhile is forgotten: a later import of the package does all that it would have done.
    """
    package = compiled.rpartition(".")[0]
    module: ModuleType | None = None
    if package not in sys.modules and (spec := find_spec(package)) is not None:
        known = set(sys.modules)
        sys.modules[package] = module_from_spec(spec)  # knows its folder, and is empty
        try:
            module = import_module(compiled)
        except Exception:  # of a version of SciPy that is built in another way
            pass
        finally:
            for name in [m for m in sys.modules if m not in known and m.startswith(package)]:
                del sys.modules[name]
    if module is None or not all(hasattr(module, name) for name in names):
        module = import_module(public)
    return [getattr(module, name) for name in names]


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
else:
    SPECIAL = ("erfcx", "gammaln", "log_ndtr", "ndtr", "ndtri", "xlogy")
    LAPACK = ("dgetrf", "dgetri", "dposv", "dpotrf", "dpotri", "dpotrs", "dtrtrs")
    erfcx, gammaln, log_ndtr, ndtr, ndtri, xlogy = names_of("scipy.special", "scipy.special._ufuncs", SPECIAL)
    dgetrf, dgetri, dposv, dpotrf, dpotri, dpotrs, dtrtrs = names_of(
        "scipy.linalg.lapack", "scipy.linalg._flapack", LAPACK
    )
