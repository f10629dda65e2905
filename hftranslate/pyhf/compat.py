"""Names of parameters in ROOT and in pyhf."""

import re
from typing import Any

from hftranslate.pyhf.pdf import Paramset


def paramset_to_rootnames(paramset: Paramset) -> str | list[str]:
    """ROOT's name of a parameter, or of each in a set."""
    if paramset.name == "lumi":
        return "Lumi"
    if paramset.is_scalar:
        return f"alpha_{paramset.name}" if paramset.constrained else paramset.name
    return [f"gamma_{paramset.name}_{i}" for i in range(paramset.n_parameters)]


def interpret_rootname(rootname: str) -> dict[str, Any]:
    """What one of ROOT's names says of ``name``, ``element``, ``is_scalar`` and ``constrained``."""
    found: dict[str, Any] = {"constrained": False, "is_scalar": True, "name": rootname, "element": "n/a"}
    if rootname == "Lumi":
        return found | {"name": "lumi"}
    if rootname.startswith("alpha_"):
        return found | {"constrained": True, "name": rootname.removeprefix("alpha_")}
    if rootname.startswith("gamma_"):
        match = re.fullmatch(r"gamma_(.+)_(\d+)", rootname)
        if match is None:
            raise ValueError(f"confusing rootname {rootname}: expected gamma_NAME_INDEX")
        return {"constrained": "n/a", "is_scalar": False, "name": match[1], "element": int(match[2])}
    return found
