"""Names that ROOT accepts: a step on the way to HistFactory XML
(:mod:`hftranslate.formats.histfactory_xml.dialect`)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from hftranslate.formats.histfactory_xml.clashes import staterrors_of_a_channel, without_clashes
from hftranslate.formats.rewriting import Rewriting, outcome
from hftranslate.workspace import StatError, Workspace
from hftranslate.workspace.functions import renamed_function
from hftranslate.workspace.map import map_modifiers, map_parameters
from hftranslate.workspace.parameter_names import declared_parameters, staterror_stem, stem, with_names
from hftranslate.workspace.parameters import ParameterSet, beta_name, parameter_sets

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: What separates the names of a list in XML.
_BLANK = re.compile(r"[\s\\]")


def root_names(workspace: Workspace, readable: Callable[[str], str] = lambda name: name) -> Rewriting:
    """Names that ROOT refuses: ``,`` ``;``, control characters, a leading digit of a channel, blanks in lists.

    Also those of which ROOT would make the name of another object: a norm factor ``alpha_JES`` beside ``JES``, a
    sample ``b`` of a channel ``SR_x`` beside the sample ``b_SR`` of a channel ``x``.

    Parameters
    ----------
    readable
        a rule that a format has of its own.
    """
    listed_parameters, listed_channels = _names_in_lists(workspace)
    stems = {n: stem(d.uses[0][2]) for n, d in declared_parameters(workspace.channels).items()}

    def parameter_name(name: str) -> str:
        own = stems.get(name, name)  # what stands in the XML
        plain = _BLANK.sub("_", _plain_name(own)) if name in listed_parameters else _plain_name(own)
        plain = readable(plain)
        return name if plain == own else plain

    plain = {
        "channel": _renaming(
            (c.name for c in workspace.channels), lambda n: readable(_channel_name(n, n in listed_channels))
        ),
        "sample": _renaming(
            (s.name for c in workspace.channels for s in c.samples), lambda n: readable(_plain_name(n))
        ),
        "parameter": _renaming([*stems, *sorted(listed_parameters)], parameter_name),
    }
    settled = dict(zip(plain, without_clashes(workspace, *plain.values()), strict=True))
    measurements = _renaming(
        (m.name for m in workspace.measurements), lambda n: readable(_plain_name(n or "measurement"))
    )
    renamings = settled | {"measurement": measurements}
    outcomes = tuple(
        replace(
            outcome("rewrite", f"{what} {old!r}", f"{_why(old, plain.get(what, renamed))}; written as {new!r}"),
            renamed=(what, old, new),
        )
        for what, renamed in renamings.items()
        for old, new in renamed.items()
        if old != new
    )
    return (_apply_renamings(workspace, renamings) if outcomes else workspace), outcomes


def _why(name: str, plain: dict[str, str]) -> str:
    return "ROOT refuses the name" if plain[name] != name else "ROOT makes the name of another object of it, too"


def _apply_renamings(workspace: Workspace, renamings: dict[str, dict[str, str]]) -> Workspace:
    parameters = renamings["parameter"]
    entries = {
        old: f"{parameters[name]}[{i}]"
        for name, declared in declared_parameters(workspace.channels).items()
        for i, old in enumerate(declared.names)
        if declared.kind == "gamma"
    }
    variables = _root_variables(workspace, parameters, renamings["channel"])
    renamed = with_names(workspace.channels, parameters, renamings["channel"])
    changed = map_modifiers(workspace, lambda _c, _s, m: renamed(m))
    settings = {beta_name(old): beta_name(new) for old, new in parameters.items()} | parameters
    changed = map_parameters(changed, lambda _m, p: replace(p, name=settings.get(p.name, p.name)))
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
                pois=tuple(entries.get(p, settings.get(p, p)) for p in m.pois),
                constraint_terms=tuple(replace(t, name=parameters.get(t.name, t.name)) for t in m.constraint_terms),
            )
            for m in changed.measurements
        ),
        functions=tuple(renamed_function(f, variables) for f in changed.functions),
    )


def _root_variables(workspace: Workspace, parameters: dict[str, str], channels: dict[str, str]) -> dict[str, str]:
    """What becomes of the variables that Functions know, by ROOT's names."""
    renamed: dict[str, str] = {}
    all_declared = declared_parameters(workspace.channels)
    alone = staterrors_of_a_channel(all_declared)
    for name, declared in all_declared.items():
        new, own = parameters[name], stem(declared.uses[0][2])
        if declared.kind == "gamma":
            if name in alone:
                own, new = (staterror_stem(c) for c in (alone[name], channels[alone[name]]))
            pairs = ((root, root.replace(f"gamma_{own}_", f"gamma_{new}_", 1)) for root in declared.root_names)
            renamed |= {old: root for old, root in pairs if name in alone or new != name}
        elif new != name and declared.kind == "normfactor":
            renamed |= {name: new, own: new}
        elif new != name and declared.kind == "alpha":
            renamed |= {f"alpha_{own}": f"alpha_{new}", beta_name(own): beta_name(new)}
    return renamed


def _names_in_lists(workspace: Workspace) -> tuple[set[str], set[str]]:
    """Parameters and channels that the XML must name in a list, where blanks and backslashes separate."""
    declared = declared_parameters(workspace.channels)
    gammas = {entry for d in declared.values() if d.kind == "gamma" for entry in d.names}
    names = {p for m in workspace.measurements for p in m.pois if p not in gammas}
    names |= {t.name for m in workspace.measurements for t in m.constraint_terms}
    channels: set[str] = set()
    alone = staterrors_of_a_channel(declared)
    sets = [parameter_sets(workspace, m, workspace.conventions) for m in workspace.measurements]
    for m, of_measurement in zip(workspace.measurements, sets, strict=True):
        for name, s in of_measurement.items():
            stated = sets[0][name].inits if s.kind == "normfactor" and name in sets[0] else root_values(s)
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
