"""Names that ROOT accepts: a step on the way to HistFactory XML (:mod:`hftranslate.dialects.xml`)."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from hftranslate.dialects.rewriting import Rewriting, map_modifiers, map_parameters, outcome
from hftranslate.functions import renamed_function
from hftranslate.naming import DeclaredParameter, bin_labels, declared_parameters, staterror_name
from hftranslate.parameters import ParameterSet, beta_name, parameter_sets
from hftranslate.workspace import StatError, Workspace

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: What separates the names of a list in XML.
_BLANK = re.compile(r"[\s\\]")


def root_names(workspace: Workspace) -> Rewriting:
    """Names that ROOT refuses: ``,`` ``;``, control characters, a leading digit of a channel, blanks in lists.

    Also those that ROOT would take for the name of another parameter: a norm factor ``alpha_JES`` beside ``JES``.
    """
    listed_parameters, listed_channels = _names_in_lists(workspace)
    channels = _renaming((c.name for c in workspace.channels), lambda n: _channel_name(n, n in listed_channels))
    parameters = _renaming(
        [*declared_parameters(workspace.channels), *sorted(listed_parameters)],
        lambda n: _BLANK.sub("_", _plain_name(n)) if n in listed_parameters else _plain_name(n),
    )
    renamings = {
        "channel": channels,
        "sample": _renaming((s.name for c in workspace.channels for s in c.samples), _plain_name),
        "parameter": _without_collisions(workspace, parameters, channels),
        "measurement": _renaming((m.name for m in workspace.measurements), lambda n: _plain_name(n or "measurement")),
    }
    outcomes = tuple(
        replace(
            outcome("rewrite", f"{what} {old!r}", f"ROOT refuses the name; written as {new!r}"),
            renamed=(what, old, new),
        )
        for what, renamed in renamings.items()
        for old, new in renamed.items()
        if old != new
    )
    return (_renamed(workspace, renamings) if outcomes else workspace), outcomes


def _renamed(workspace: Workspace, renamings: dict[str, dict[str, str]]) -> Workspace:
    parameters = renamings["parameter"]
    entries = {
        old: f"{parameters[name]}[{i}]"
        for name, declared in declared_parameters(workspace.channels).items()
        for i, old in enumerate(declared.names)
        if declared.kind == "gamma"
    }
    variables = _root_variables(workspace, parameters)
    changed = map_modifiers(workspace, lambda _c, _s, m: replace(m, name=parameters[m.name]))
    parameters = variables | parameters
    changed = map_parameters(changed, lambda _m, p: replace(p, name=parameters.get(p.name, p.name)))
    return replace(
        changed,
        channels=tuple(
            replace(
                c,
                name=renamings["channel"][c.name],
                samples=tuple(replace(s, name=renamings["sample"][s.name]) for s in c.samples),
            )
            for c in changed.channels
        ),
        measurements=tuple(
            replace(
                m,
                name=renamings["measurement"][m.name],
                pois=tuple(entries.get(p, parameters.get(p, p)) for p in m.pois),
                constraint_terms=tuple(replace(t, name=parameters.get(t.name, t.name)) for t in m.constraint_terms),
            )
            for m in changed.measurements
        ),
        functions=tuple(renamed_function(f, variables) for f in changed.functions),
    )


def _root_variables(workspace: Workspace, parameters: dict[str, str]) -> dict[str, str]:
    """What becomes of the variables that Functions know, by ROOT's names."""
    renamed = {}
    for name, declared in declared_parameters(workspace.channels).items():
        if declared.kind == "normfactor":
            renamed[name] = parameters[name]
        elif declared.kind == "alpha":
            renamed[f"alpha_{name}"] = f"alpha_{parameters[name]}"
            renamed[beta_name(name)] = beta_name(parameters[name])
    return renamed


def _names_in_lists(workspace: Workspace) -> tuple[set[str], set[str]]:
    """Parameters and channels that the XML must name in a list, where blanks and backslashes separate."""
    declared = declared_parameters(workspace.channels)
    gammas = {entry for d in declared.values() if d.kind == "gamma" for entry in d.names}
    names = {p for m in workspace.measurements for p in m.pois if p not in gammas}
    names |= {t.name for m in workspace.measurements for t in m.constraint_terms}
    channels: set[str] = set()
    alone = staterrors_of_a_channel(declared)
    first = parameter_sets(workspace, workspace.measurements[0], workspace.conventions)
    for m in workspace.measurements:
        for name, s in parameter_sets(workspace, m, workspace.conventions).items():
            stated = first[name].inits if s.kind == "normfactor" and name in first else root_values(s)
            if name not in declared:  # of a Function or a Gamma term
                names |= {name} if s.inits != stated or m.parameter(name).fixed else set()
                continue
            pruned = name not in alone and any(
                u.threshold for _, _, u in declared[name].uses if isinstance(u, StatError)
            )
            config = m.parameter(name)
            if s.inits == stated and not config.fixed and config.auxdata is None and not (pruned and any(s.fixed)):
                continue
            if name in alone:
                channels.add(alone[name])
            else:
                names.add(name)
                channels |= set(declared[name].bin_channels) if len(declared[name].bin_channels) > 1 else set()
    return names, channels


def root_values(s: ParameterSet) -> tuple[float, ...]:
    """Where ROOT starts the parameters of a set by itself."""
    match s.kind:
        case "lumi":
            return tuple(c.auxdata if c is not None else 1.0 for c in s.constraints)
        case "alpha":
            return (0.0,)
        case "normfactor" | "gamma":
            return (1.0,) * len(s.names)


def _without_collisions(workspace: Workspace, parameters: dict[str, str], channels: dict[str, str]) -> dict[str, str]:
    """The renaming with further changes where two parameters would be one variable of ROOT."""
    declared = declared_parameters(workspace.channels)
    alone = staterrors_of_a_channel(declared)
    taken = {"Lumi", "nominalLumi", "alpha_lumi", "nom_alpha_lumi"}
    taken |= {f"gamma_stat_{channels[c]}_bin_{b}" for c in alone.values() for b in bin_labels(workspace.channel(c))}
    settled = dict(parameters)
    others = Counter([*settled.values(), "lumi"])
    numbers: dict[str, int] = {}  # the next one to try, so that many equal names take no longer each
    order = ("lumi", "alpha", "gamma", "normfactor")
    for name, d in sorted(declared.items(), key=lambda item: order.index(item[1].kind)):
        if d.kind == "lumi" or name in alone:
            continue
        first = settled[name]
        others[first] -= 1
        new, n = first, numbers.get(first, 2)
        while taken & _variables(d, new, channels) or others[new]:
            new, n = f"{first}_{n}", n + 1
        settled[name] = new
        others[new] += 1
        numbers[first] = n
        taken |= _variables(d, new, channels)
    return settled


def _variables(declared: DeclaredParameter, name: str, channels: dict[str, str]) -> set[str]:
    """Names of ROOT's variables for a parameter set of that name."""
    match declared.kind:
        case "lumi":
            return {"Lumi", "nominalLumi"}
        case "normfactor":
            return {name}
        case "alpha":
            return {f"alpha_{name}", f"nom_alpha_{name}"}
        case "gamma":
            places = [name] + [f"{name}_{channels[c]}" for c in declared.bin_channels]
            entries = [f"gamma_{p}_bin_{b}" for p in places for c, _, _ in declared.uses for b in bin_labels(c)]
            return {*entries, *(f"nom_{e}" for e in entries)}


def _plain_name(name: str) -> str:
    return _CONTROL.sub("_", name.replace(",", "_").replace(";", "_")) or "_"


def _channel_name(name: str, in_list: bool) -> str:
    plain = _BLANK.sub("_", _plain_name(name)) if in_list else _plain_name(name)
    return f"channel_{plain}" if plain[0].isdigit() else plain


def _renaming(names: Iterable[str], rule: Callable[[str], str]) -> dict[str, str]:
    """Each name and what it becomes; names that need no change keep theirs, and no two become one."""
    old = list(dict.fromkeys(names))
    taken = {name for name in old if rule(name) == name}
    new = {}
    numbers: dict[str, int] = {}
    for name in old:
        new[name] = name if name in taken else unique(rule(name), taken, numbers)
        taken.add(new[name])
    return new


def unique(name: str, taken: set[str], numbers: dict[str, int] | None = None) -> str:
    """The name, with a number where it is taken; ``numbers`` remembers from which one on to try."""
    candidate, n = name, (numbers or {}).get(name, 2)
    while candidate in taken:
        candidate, n = f"{name}_{n}", n + 1
    if numbers is not None:
        numbers[name] = n
    return candidate


def staterrors_of_a_channel(declared: dict[str, DeclaredParameter]) -> dict[str, str]:
    """The staterrors that can stay one in XML, which has one a channel, and their channels."""
    found: dict[str, set[str]] = {}
    for name, d in declared.items():
        for channel, _, _ in d.modifiers(StatError):
            found.setdefault(channel.name, set()).add(name)
    return {
        name: channel
        for channel, names in found.items()
        for name in names
        if len(names) == 1
        and len(declared[name].bin_channels) == 1
        and (staterror_name(channel) == name or staterror_name(channel) not in declared)
    }
