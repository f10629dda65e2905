"""Functions that make factors: of parameters, by formulas, sums and products."""

import re
from collections.abc import Mapping
from math import isfinite

from hftranslate.errors import did_you_mean
from hftranslate.formats.hs3.channels import RawChannel
from hftranslate.formats.hs3.names import Sets, every_use
from hftranslate.formats.hs3.settings import Setting, Settings
from hftranslate.formats.hs3.tree import Node
from hftranslate.workspace import Function
from hftranslate.workspace.arrays import is_number
from hftranslate.workspace.expressions import renamed_words
from hftranslate.workspace.functions import settle_functions

_WORD = re.compile(r"(?<![\w.:])[A-Za-z_]\w*(?!\w*\s*\()(?!\w*::)")
#: No function is made of so many others, one in the other.
_DEPTH = 50


def read_functions(
    document: Node, channels: tuple[RawChannel, ...], sets: Sets, settings: Settings
) -> tuple[Function, ...]:
    """The functions that factors are named after, each behind those that it is made of.

    Raises
    ------
    Unsupported
        A custom modifier has none, or it is more than a formula, a sum or a product.
    """
    known = document.named("functions")
    ours = {
        p: entry
        for (_, parameters), named in sets.items()
        if named.linked is None
        for p, entry in zip(parameters, named.entries, strict=True)
    }
    made: dict[str, Function] = {}
    for _, _, use in every_use(channels):
        name = use.parameters[0]
        if use.kind != "factor" or (use.type == "normfactor" and name not in known):
            continue
        if name not in known:
            use.node.unsupported(f"there is no function {name!r}" + did_you_mean(name, known))
        _make(known[name], known, ours, settings, made, 0)
    for named in sets.values():
        if named.linked is not None:
            entry = ours.get(named.linked, named.entries[0])
            made[named.name] = Function(
                name=named.name, expression=entry, dependents=_definition(entry, settings.of(named.linked))
            )
    return tuple(made.values())


def _definition(entry: str, said: Setting) -> str:
    """A parameter as a Function's dependent defines it."""
    if said.value is None:
        return entry
    low, high = said.range or (said.value, said.value)
    ends = f",{low!r},{high!r}" if said.range is not None and isfinite(low) and isfinite(high) else ""
    return f"{entry}[{said.value!r}{ends}]"


def _make(
    node: Node,
    known: Mapping[str, Node],
    ours: Mapping[str, str],
    settings: Settings,
    made: dict[str, Function],
    depth: int,
) -> None:
    if node.name in made:
        return
    if depth > _DEPTH:
        node.unsupported("functions made of functions without end")
    text = _text(node)
    dependents = []
    for word in dict.fromkeys(_WORD.findall(text)):
        if word in known:
            _make(known[word], known, ours, settings, made, depth + 1)
            dependents.append(word)
        else:
            said = settings.of(word)
            if said.value is None:
                continue  # a constant such as pi, or refused where the formula is parsed
            dependents.append(_definition(ours.get(word, word), said))
    expression = renamed_words(text, {word: entry for word, entry in ours.items() if word != entry})
    function = Function(name=node.name, expression=expression, dependents=",".join(dependents))
    settled = settle_functions((*made.values(), function))
    why = settled.unknown.get(node.name) or settled.dropped.get(node.name)
    if why is not None:
        node.unsupported(why)
    made[node.name] = function


def _text(node: Node) -> str:
    kind = node["type"].text()
    if kind == "generic_function":
        return node["expression"].text()
    if kind in ("product", "sum"):
        parts = list(node["factors" if kind == "product" else "summands"])
        words = [repr(part.value) if is_number(part.value) else part.text() for part in parts]
        if words:
            return ("*" if kind == "product" else "+").join(words)
    return node["type"].unsupported(f"a factor made by a function of the type {kind!r}")
