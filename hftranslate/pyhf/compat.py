"""Names of parameters in ROOT and in pyhf."""

from typing import Any


def paramset_to_rootnames(paramset: Any) -> str | list[str]:
    """ROOT's name of a parameter, or of each in a set."""
    if not paramset.is_scalar:
        return [f"gamma_{paramset.name}_{i}" for i in range(paramset.n_parameters)]
    name: str = f"alpha_{paramset.name}" if paramset.constrained else paramset.name
    return "Lumi" if paramset.name == "lumi" else name


def interpret_rootname(rootname: str) -> dict[str, Any]:
    """What one of ROOT's names says of ``name``, ``element``, ``is_scalar`` and ``constrained``."""
    if rootname.startswith("gamma_"):
        name, _, index = rootname.removeprefix("gamma_").rpartition("_")
        if not (name and index.isdigit()):
            raise ValueError(f"confusing rootname {rootname}: expected gamma_NAME_INDEX")
        return {"constrained": "n/a", "is_scalar": False, "name": name, "element": int(index)}
    constrained = rootname.startswith("alpha_")
    name = "lumi" if rootname == "Lumi" else rootname.removeprefix("alpha_")
    return {"constrained": constrained, "is_scalar": True, "name": name, "element": "n/a"}
