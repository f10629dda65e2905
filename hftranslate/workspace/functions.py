"""The Functions of a model as ROOT's workspace factory settles them.

ROOT creates them one after the other, before anything else of the model:

* ``x[1,0,10]`` among the dependents defines the parameter x. Nothing that comes later changes its value and range: not
  a NormFactor of the name, and not ROOT's own defaults for ``alpha_X`` or ``Lumi``.
* ``x`` must have been defined by this or an earlier Function, or be one; a second ``x[...]`` must repeat the first.
* A Function that breaks this is dropped with a message, and its NormFactor is an ordinary free parameter. (A
  Workspace with such a Function is not evaluated: the reader of XML takes it out, and says so.)

A Function takes the place of the NormFactor of its name. Its dependents define parameters whether it is used or not.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.records import record
from hftranslate.workspace import Function, NormFactor, Workspace
from hftranslate.workspace.map import all_uses, modifiers_of

if TYPE_CHECKING:  # most models have no expressions, and need no parser of them
    from hftranslate.workspace.expressions import Dependent, Expression


@record
class Functions:
    """What the Functions of a model make.

    Attributes
    ----------
    made
        expressions of parameters (by ROOT's names), by name of the norm factor that each one makes.
    definitions
        the parameters that dependents define, by ROOT's name.
    dropped
        why ROOT drops a Function, by name.
    unknown
        why one cannot be evaluated, by name.
    depends
        the parameters that each depends on, by ROOT's name; those that cannot be evaluated, too.
    """

    made: Mapping[str, "Expression"]
    definitions: Mapping[str, "Dependent"]
    dropped: Mapping[str, str]
    unknown: Mapping[str, str]
    depends: Mapping[str, tuple[str, ...]]

    def leaves(self, names: Iterable[str]) -> tuple[str, ...]:
        """The parameters that these Functions depend on, by ROOT's name."""
        return tuple(dict.fromkeys(leaf for name in names for leaf in self.depends[name]))


@lru_cache(maxsize=64)
def settle_functions(functions: tuple[Function, ...]) -> Functions:
    """The Functions in the order given, as ROOT settles them."""
    if functions:
        from hftranslate.workspace.expressions import parse_dependents, parse_expression

    made: dict[str, Expression] = {}
    definitions: dict[str, Dependent] = {}
    dropped: dict[str, str] = {}
    unknown: dict[str, str] = {}
    depends: dict[str, tuple[str, ...]] = {}
    for f in functions:
        try:
            dependents = parse_dependents(f.dependents)
        except Unsupported as error:
            unknown[f.name] = str(error)
            depends[f.name] = ()
            continue
        new = {d.name: d for d in dependents if d.value is not None and d.name not in definitions}
        reason = _conflict(f, dependents, definitions | new, made, unknown)
        if reason is not None:
            dropped[f.name] = reason
            continue
        definitions |= new
        names = [d.name for d in dependents]
        depends[f.name] = tuple(dict.fromkeys(leaf for name in names for leaf in depends.get(name, (name,))))
        try:
            made[f.name] = parse_expression(f.expression, names, made)
        except Unsupported as error:
            unknown[f.name] = str(error)
    return Functions(made=made, definitions=definitions, dropped=dropped, unknown=unknown, depends=depends)


def _conflict(
    f: Function,
    dependents: Sequence["Dependent"],
    definitions: Mapping[str, "Dependent"],
    made: Mapping[str, "Expression"],
    unknown: Mapping[str, str],
) -> str | None:
    """Why ROOT's factory fails, if it does."""
    if f.name in definitions:
        return f"its name is that of the parameter {f.name}[{definitions[f.name].text}] of a Function"
    for d in dependents:
        if d.value is None and not any(d.name in names for names in (definitions, made, unknown)):
            return f"{d.name!r} does not exist when ROOT creates the Function; '{d.name}[value,low,high]' makes it"
        if d.value is not None and d.name in made:
            return f"{d.name}[{d.text}] has the name of a Function"
        if d.value is not None and d.text != definitions[d.name].text:
            return f"{d.name}[{d.text}] is {d.name}[{definitions[d.name].text}] already"
    return None


def used_names(workspace: Workspace) -> tuple[str, ...]:
    """The Functions that take the place of a norm factor, whether they can be evaluated or not."""
    if not workspace.functions:
        return ()
    factors = {m.name for m in modifiers_of(workspace.channels, NormFactor)}
    return tuple(name for name in settle_functions(workspace.functions).depends if name in factors)


def used_functions(workspace: Workspace) -> dict[str, "Expression"]:
    """The expressions that make norm factors of this workspace, by name.

    Raises
    ------
    Unsupported
        One of them is more than scalar arithmetic of parameters; the message names it.
    InvalidWorkspace
        One of them contradicts what was defined before it.
    """
    if not workspace.functions:
        return {}
    settled = settle_functions(workspace.functions)
    for channel, sample, m in all_uses(workspace.channels):
        where = f"channel {channel.name!r}, sample {sample.name!r}: function {m.name!r}"
        if isinstance(m, NormFactor) and m.name in settled.unknown:
            raise Unsupported(f"{where}: {settled.unknown[m.name]}")
        if isinstance(m, NormFactor) and m.name in settled.dropped:
            raise InvalidWorkspace(f"{where}: {settled.dropped[m.name]}")
    return {name: settled.made[name] for name in used_names(workspace)}


def renamed_function(function: Function, parameters: Mapping[str, str]) -> Function:
    """The Function with parameters, by ROOT's names, called otherwise; also its own name, that of a norm factor."""
    from hftranslate.workspace.expressions import renamed_words

    return replace(
        function,
        name=parameters.get(function.name, function.name),
        expression=renamed_words(function.expression, parameters),
        dependents=renamed_words(function.dependents, parameters),
    )


def redefined(functions: Sequence[Function], name: str, numbers: str) -> tuple[Function, ...]:
    """The Functions with other numbers in the brackets wherever a dependent defines the parameter ``name``."""
    pattern = re.compile(rf"(?<![\w.]){re.escape(name)}\s*\[[^\]]*\]")
    return tuple(replace(f, dependents=pattern.sub(f"{name}[{numbers}]", f.dependents)) for f in functions)
