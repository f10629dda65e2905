"""What is in a workspace, for people and for programs."""

from collections import Counter
from typing import Any

from hftranslate.display import terminal
from hftranslate.workspace import (
    MODIFIER_TYPES,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.functions import settle_functions, used_names
from hftranslate.workspace.map import all_modifiers
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import beta_name, parameter_sets


def summary(workspace: Workspace) -> dict[str, Any]:
    """Channels, samples, modifiers, parameters and measurements as plain JSON values.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    dict
        events are sums over bins; a parameter's ``size`` is how many numbers it has.
    """
    declared = declared_parameters(workspace.channels)
    settled, made = settle_functions(workspace.functions), used_names(workspace)
    others = _undeclared(workspace)
    words = {name: sorted({MODIFIER_TYPES[type(m)] for _, _, m in d.uses}) for name, d in declared.items()}
    return {
        "channels": [
            {
                "name": c.name,
                "bins": c.n_bins,
                "samples": [s.name for s in c.samples],
                "nominal": sum(sum(s.nominal) for s in c.samples),
                "observed": None if c.observed is None else sum(c.observed),
            }
            for c in workspace.channels
        ],
        "samples": sorted({s.name for c in workspace.channels for s in c.samples}),
        "modifiers": dict(Counter(MODIFIER_TYPES[type(m)] for m in all_modifiers(workspace.channels))),
        "parameters": [
            {"name": name, "modifiers": words[name], "size": d.size, "kind": d.kind}
            for name, d in declared.items()
            if name not in made
        ]
        + [{"name": name, "modifiers": [], "size": 1, "kind": kind} for name, kind in others.items()],
        "functions": [
            {"name": f.name, "expression": f.expression, "parameters": list(settled.depends[f.name])}
            for f in workspace.functions
            if f.name in made
        ],
        "measurements": [
            {
                "name": m.name,
                "pois": list(m.pois),
                "unknown_pois": [p for p in m.pois if p in made or (p not in declared and p not in others)],
                "constraint_terms": [
                    {"name": t.name, "kind": t.kind, "relative_uncertainty": t.relative_uncertainty}
                    for t in m.constraint_terms
                ],
                "constant": _constants(workspace, index),
            }
            for index, m in enumerate(workspace.measurements)
        ],
        "conventions": workspace.conventions.name,
    }


def summary_document(workspace: Workspace) -> dict[str, Any]:
    """What ``inspect`` writes: pyhf's keys with what pyhf puts there, and :func:`summary` under ``details``.

    Constraints that pyhf does not know are named as it would (``constrained_by_gamma``).

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    dict
        plain JSON values.
    """
    declared = declared_parameters(workspace.channels)
    used = {(m.name, MODIFIER_TYPES[type(m)]) for d in declared.values() for _, _, m in d.uses}
    gone = {f.name for f in workspace.functions} | _unconstrained(workspace)
    parameters = {name: _constraint(d) for name, d in declared.items() if name not in gone}
    parameters |= {
        name: "constrained_by_gamma" if kind == "gamma constraint" else "unconstrained"
        for name, kind in _undeclared(workspace).items()
    }
    return {
        "samples": sorted({s.name for c in workspace.channels for s in c.samples}),
        "channels": [[c.name, c.n_bins] for c in sorted(workspace.channels, key=lambda c: c.name)],
        "modifiers": dict(sorted(used)),
        "parameters": [[name, constraint] for name, constraint in sorted(parameters.items())],
        "systematics": [
            [name, constraint, [word for of, word in sorted(used) if of == name]]
            for name, constraint in sorted(parameters.items())
        ],
        "measurements": [
            [m.name, m.pois[0] if m.pois else "", [p.name for p in m.parameters]] for m in workspace.measurements
        ],
        "details": summary(workspace),
    }


def _unconstrained(workspace: Workspace) -> set[str]:
    """Systematics whose place a constraint term of the first measurement gives to another parameter, or to none."""
    terms = workspace.measurements[0].constraint_terms
    declared = declared_parameters(workspace.channels)
    return {
        t.name
        for t in terms
        if t.kind in ("none", "gamma")
        and t.name in declared
        and all(isinstance(m, NormSys) for _, _, m in declared[t.name].uses)
    }


def _constraint(parameter: DeclaredParameter) -> str:
    """pyhf's word for the constraint of a parameter, by its modifiers."""
    for _, _, modifier in parameter.uses:
        match modifier:
            case ShapeSys(constraint="poisson") | StatError(constraint="poisson"):
                return "constrained_by_poisson"
            case NormFactor() | ShapeFactor():
                pass
            case _:
                return "constrained_by_normal"
    return "unconstrained"


def _undeclared(workspace: Workspace) -> dict[str, str]:
    """Parameters that no modifier declares, and what knows them: a Function, or a Gamma constraint term."""
    declared = declared_parameters(workspace.channels)
    terms = [t for m in workspace.measurements for t in m.constraint_terms if t.kind == "gamma" and t.name in declared]
    found = {beta_name(t.name): "gamma constraint" for t in terms if any(declared[t.name].modifiers(NormSys))}
    known = found.keys() | {root for d in declared.values() for root in d.root_names}
    leaves = settle_functions(workspace.functions).leaves(used_names(workspace))
    return found | {leaf: "function" for leaf in leaves if leaf not in known}


def _constants(workspace: Workspace, index: int) -> list[str]:
    m = workspace.measurements[index]
    if any(d.kind == "lumi" for d in declared_parameters(workspace.channels).values()):
        config = m.parameter("lumi")
        if config.auxdata is None or config.sigmas is None:
            return []  # the luminosity is not configured: nothing can be resolved
    sets = parameter_sets(workspace, m, workspace.conventions)
    return [name for s in sets.values() for name, fixed in zip(s.names, s.fixed, strict=True) if fixed]


def summary_text(workspace: Workspace) -> str:
    """The same as a table.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    str
        lines for a terminal.
    """
    facts = summary(workspace)
    lines = ["channel  (bins)  nominal / observed   samples", ""]
    width = max(len(c["name"]) for c in facts["channels"])
    for c in facts["channels"]:
        observed = "no data" if c["observed"] is None else f"{c['observed']:g}"
        lines.append(
            f"  {c['name']:<{width}}  ({c['bins']})  {c['nominal']:.6g} / {observed}   {', '.join(c['samples'])}"
        )
    counts = ", ".join(f"{n} {word}" for word, n in sorted(facts["modifiers"].items())) or "none"
    lines += ["", f"modifiers: {counts}", ""]
    total = sum(p["size"] for p in facts["parameters"])
    lines.append(f"parameters ({len(facts['parameters'])} sets, {total} in all)")
    name_width = max((len(p["name"]) for p in facts["parameters"]), default=0)
    for p in facts["parameters"]:
        size = f"[{p['size']}]" if p["kind"] == "gamma" else ""
        lines.append(f"  {p['name']:<{name_width}}  {', '.join(p['modifiers']) or 'of a ' + p['kind']}{size}")
    for p in facts["functions"]:
        lines.append(f"  {p['name']} = {p['expression']}  a function of {', '.join(p['parameters']) or 'nothing'}")
    lines += ["", "measurements"]
    for m in facts["measurements"]:
        pois = ", ".join(m["pois"]) or "none"
        unknown = f" (used by no modifier: {', '.join(m['unknown_pois'])})" if m["unknown_pois"] else ""
        lines.append(f"  {m['name']}  parameter of interest: {pois}{unknown}")
        for t in m["constraint_terms"]:
            size = f" ({t['relative_uncertainty']:g})" if t["relative_uncertainty"] else ""
            lines.append(f"    constraint of {t['name']}: {t['kind']}{size}")
        if m["constant"]:
            shown = ", ".join(m["constant"][:8]) + (
                f" and {len(m['constant']) - 8} more" if len(m["constant"]) > 8 else ""
            )
            lines.append(f"    constant: {shown}")
    lines += ["", f"conventions: {facts['conventions']}"]
    return "\n".join(map(terminal, lines)) + "\n"
