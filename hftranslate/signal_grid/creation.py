"""Patch sets made from a background-only workspace and the workspaces of the signals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hftranslate.display.speaking import counted
from hftranslate.errors import InputError
from hftranslate.signal_grid.changes import changes, same_model
from hftranslate.signal_grid.document import REFERENCE, Patch, PatchSet, Value, Values, digest, from_document


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One point to be: where it comes from, what it is called, and the document of the workspace with it."""

    source: str
    name: str
    values: Values
    document: Mapping[str, Any] = field(repr=False)


def create(
    background: Mapping[str, Any],
    signals: Iterable[Signal],
    *,
    labels: tuple[str, ...],
    reference: str,
    description: str | None = None,
    algorithms: tuple[str, ...] = ("sha256",),
) -> PatchSet:
    """A patch set whose patches make the given workspaces of the background-only one.

    The patches are few operations each (:func:`hftranslate.signal_grid.changes.changes`) and stand in the order of
    their values, so that the same inputs give the same patch set in whatever order they come.

    Parameters
    ----------
    background
        the document of the background-only workspace, as it will be published: its digests go into the patch set.
    signals
        are taken one after the other, and not kept.
    labels
        what the values are called.
    reference
        the record that it belongs to: ``"ins1234567"``.
    description
        a sentence; by default it says how many points there are and in what.
    algorithms
        of the digests.

    Returns
    -------
    PatchSet
        with the digests of the background.

    Raises
    ------
    InputError
        A signal is the background itself, the names or values of two are the same, or a patch does not give back the
        workspace that it was made from; the reference is none.
    FormatError
        A label or a name is none that the schema allows.
    """
    if not REFERENCE.fullmatch(reference):
        raise InputError(f"{reference!r} is no record of HEPData; expected 'ins' and seven digits, like ins1234567")
    patches: list[Patch] = []
    sources: dict[str, str] = {}
    points: dict[Values, str] = {}
    for signal in signals:
        for what, other in (
            (f"the name {signal.name!r}", sources.setdefault(signal.name, signal.source)),
            (f"the point {_listed(signal.values)}", points.setdefault(signal.values, signal.source)),
        ):
            if other != signal.source:
                raise InputError(f"{signal.source}: {what} belongs to {other} already")
        patches.append(_patch(background, signal))
    if not patches:
        raise InputError("a patch set needs at least one signal")
    patches.sort(key=lambda p: [_rank(v) for v in p.values])
    made = PatchSet(
        labels=labels,
        patches=tuple(patches),
        digests={algorithm: digest(background, algorithm) for algorithm in algorithms},
        references={"hepdata": reference},
        description=f"{counted(len(patches), 'signal')} in {', '.join(labels)}" if description is None else description,
    )
    from_document(made.to_document(), "the patch set")  # which judges by the schema
    return made


def _patch(background: Mapping[str, Any], signal: Signal) -> Patch:
    operations = _sorted_keys(changes(background, signal.document))
    if not operations:
        raise InputError(f"{signal.source}: there is no signal in it: it is the background-only workspace")
    patch = Patch(name=signal.name, values=signal.values, operations=operations)
    one = PatchSet(labels=("",) * len(signal.values), patches=(patch,), digests={}, references={})
    if not same_model(one.apply(background, patch), signal.document):
        raise InputError(f"{signal.source}: the patch made from it does not give it back; are its names unique?")
    return patch


def _sorted_keys(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _sorted_keys(node[key]) for key in sorted(node)}
    if isinstance(node, list) and node and isinstance(node[0], dict | list):
        return [_sorted_keys(item) for item in node]
    return node


def _rank(value: Value) -> tuple[int, float, str]:
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")


def _listed(values: Values) -> str:
    return f"({', '.join(map(str, values))})"
