"""Which dialect a document is in: what ROOT 6.40 would say in other words."""

from collections.abc import Iterator, Mapping, Sequence

from hftranslate.formats.hs3.channels import RawChannel
from hftranslate.formats.hs3.names import every_use
from hftranslate.formats.hs3.tree import Node
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import outcome

_MASTER = "ROOT's master, open revisions of the standard"
#: Keys of a modifier or a channel that ROOT 6.40 does not write, and whose they are.
_KEYS = {
    "constraint": _MASTER,
    "constraints": _MASTER,
    "default_interpolation": _MASTER,
    "uncertainties": "pyhs3",
    "barlow_beeston_method": "pyhs3",
}


def words_met(channels: Sequence[RawChannel]) -> tuple[Outcome, ...]:
    """One outcome that names what is not said as ROOT 6.40 says it, if there is anything.

    Parameters
    ----------
    channels
        as read; they have been checked.
    """
    met: dict[str, str] = {}
    for channel in channels:
        met |= dict(_keys(channel.node))
    for _, _, use in every_use(channels):
        met |= dict(_of_modifier(use.node))
    if not met:
        return ()
    by_dialect: dict[str, list[str]] = {}
    for what, dialect in met.items():
        by_dialect.setdefault(dialect, []).append(what)
    parts = "; ".join(f"{', '.join(sorted(words))} ({dialect})" for dialect, words in sorted(by_dialect.items()))
    return (outcome("rewrite", "the document", f"is not in the words of ROOT 6.40 alone: {parts}"),)


def _of_modifier(node: Node) -> Iterator[tuple[str, str]]:
    yield from _keys(node)
    data = node.get("data")
    inside = data if data is not None and isinstance(data.value, Mapping) else None
    if inside is not None:
        yield from _keys(inside)
    if not (node.has("parameter") or node.has("parameters") or node["type"].value == "custom"):
        yield "no names of parameters", "records of 2024 and 2025"
    interpolation = node.get("interpolation") or (inside.get("interpolation") if inside is not None else None)
    if interpolation is not None and isinstance(interpolation.value, Mapping):
        yield "interpolation by 'type', 'in' and 'out'", _MASTER
    elif interpolation is not None and isinstance(interpolation.value, str):
        yield "interpolation by name", "the standard, pyhs3"


def _keys(node: Node) -> Iterator[tuple[str, str]]:
    return ((repr(key), dialect) for key, dialect in _KEYS.items() if node.has(key))
