"""Function elements: which of them ROOT makes, and the parameters that only they and constraint terms know."""

from collections.abc import Mapping, Sequence

from hftranslate.formats.histfactory_xml.grammar import Node, Notes
from hftranslate.workspace import Annotations, ConstraintTerm, Function, HistoSys, NormSys
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.parameter_names import DeclaredParameter, stem
from hftranslate.workspace.parameters import beta_name


def read_functions(driver: Node, notes: Notes) -> tuple[tuple[Function, ...], Annotations]:
    """The Functions that ROOT makes; those that it drops are kept as annotations."""
    functions = tuple(
        Function(name=f.get("Name"), expression=f.get("Expression"), dependents=f.get("Dependents"))
        for f in driver.all("Function")
    )
    dropped = settle_functions(functions).dropped
    kept = []
    for f in functions:
        if f.name in dropped:
            what = f"ROOT drops it, and its NormFactor is a free parameter: {dropped[f.name]}"
            notes.add("repair", f"function {f.name!r}", what)
            kept.append(("Function", f"{f.name}: {f.expression} of {f.dependents}"))
    return tuple(f for f in functions if f.name not in dropped), tuple(kept)


def parameters_without_modifiers(
    functions: Sequence[Function],
    declared: Mapping[str, DeclaredParameter],
    terms: Sequence[ConstraintTerm],
) -> dict[str, str]:
    """Parameters of Functions and of Gamma terms, which no modifier declares: names in the model by ROOT's names."""
    found = {}
    for t in terms:
        if t.kind == "gamma" and any(declared[t.name].modifiers(NormSys)):
            found[beta_name(stem(declared[t.name].uses[0][2]))] = beta_name(t.name)
    settled = settle_functions(tuple(functions))
    removed = {t.name for t in terms if t.kind in ("none", "gamma")}
    kept = [d for d in declared.values() if d.name not in removed or any(d.modifiers(HistoSys))]
    known = {root for d in kept for root in d.root_names} | set(found.values())
    used = [name for name in settled.depends if name in declared and declared[name].kind == "normfactor"]
    return found | {leaf: leaf for leaf in settled.leaves(used) if leaf not in known}
