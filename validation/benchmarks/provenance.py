"""With what a benchmark was run: date, versions, processor, and the kernel that the linear algebra chose on it."""

import ctypes
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

#: Packages whose versions are told where they are installed.
PACKAGES = ("hftranslate", "numpy", "scipy", "pyhf", "jax", "nextstat")
#: What OpenBLAS calls the function that names its kernel, as NumPy's wheels and distributions build it.
_NAMES = ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename")


def provenance() -> dict[str, str]:
    """Facts by what they are; a kernel that cannot be asked for is unknown."""
    found = {"date": datetime.now(UTC).date().isoformat(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "processor": processor(), "blas": blas_kernel()}


def processor() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def blas_kernel() -> str:
    """The kernel of the OpenBLAS that NumPy brings, by the name of the kind of processor that it is written for."""
    folder = Path(np.__file__).resolve().parent.parent / "numpy.libs"
    for path in sorted(folder.glob("*openblas*")):
        library = ctypes.CDLL(str(path))
        for name in _NAMES:
            function = getattr(library, name, None)
            if function is not None:
                function.restype = ctypes.c_char_p
                return f"OpenBLAS {function().decode()}"
    return "unknown"
