"""What changed between versions of ROOT in the meaning of HistFactory XML.

Sources: ROOT's release notes (6.22: Poisson as default of statistical errors; 6.28: NormFactor Const), and the code of
``ConfigParser`` and ``HistoToWorkspaceFactoryFast`` of the versions around each change.
"""

import re
from typing import TypeAlias

from hftranslate.errors import FormatError

Version: TypeAlias = tuple[int, int]

#: The version whose behaviour was measured; what is read and written where none is named.
MEASURED: Version = (6, 40)
#: The constraint of StatError is Poisson where none is stated; before, it was Gaussian.
POISSON_STATERROR: Version = (6, 22)
#: NormalizeByTheory has no effect; before, samples with ``False`` followed only the nominal luminosity.
UNIFORM_LUMI: Version = (6, 24)
#: NormFactor Const is refused; before, it was accepted and ignored.
NO_NORMFACTOR_CONST: Version = (6, 28)
#: ShapeFactor may state Val, Low and High (6.40 since a patch release).
SHAPEFACTOR_RANGES: Version = (6, 42)


def parse_version(text: str) -> Version:
    """``6.40`` or ``6.40/00`` as two numbers.

    Raises
    ------
    FormatError
        It does not look like ``6.40``.
    """
    match = re.match(r"(\d{1,3})[./](\d{1,3})", text)
    if match is None:
        raise FormatError(f"ROOT version {text!r} must look like '6.40'")
    return int(match[1]), int(match[2])


def version_text(version: Version) -> str:
    """As ROOT writes it: ``6.08``, ``6.40``."""
    return f"{version[0]}.{version[1]:02d}"
