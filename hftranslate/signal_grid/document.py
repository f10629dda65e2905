"""A patch set as a value: read from a document and judged, verified, looked up, applied, and written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from hftranslate.display.speaking import Speaking, Table
from hftranslate.errors import FormatError, InputError, MissingInput, did_you_mean
from hftranslate.formats.json_patch import patched
from hftranslate.formats.json_text import document_digest, parse_json, read_bytes
from hftranslate.formats.recognition import Tell, mistaken, patchset_in
from hftranslate.formats.schemas import violation

Json: TypeAlias = dict[str, Any]
Value: TypeAlias = int | float | str
Values: TypeAlias = tuple[Value, ...]

VERSION = "1.0.0"
#: The algorithms that the schema knows.
ALGORITHMS = ("sha256", "md5")
#: What the schema allows as name of a patch or of a label.
WORD = re.compile(r"[a-zA-Z0-9_]+")
#: What the schema allows as the record of HEPData.
REFERENCE = re.compile(r"ins[0-9]{7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One signal: how the background-only workspace becomes the workspace with it.

    Attributes
    ----------
    name
        letters, digits and underscores.
    values
        the point: one number or text for each label of the set.
    operations
        the JSON patch (RFC 6902).
    metadata
        what else its metadata say.
    """

    name: str
    values: Values
    operations: list[Any] = field(repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PatchSet(Speaking):
    """Patches of one background-only workspace, unique by name and by values.

    Attributes
    ----------
    labels
        what the values of a patch are called, in their order.
    digests
        of the background-only workspace, by algorithm.
    references
        where it is published: ``{"hepdata": "ins1234567"}``.
    metadata
        what else its metadata say.
    """

    labels: tuple[str, ...]
    patches: tuple[Patch, ...]
    digests: Mapping[str, str]
    references: Mapping[str, str]
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names: set[str] = set()
        points: dict[Values, str] = {}
        for patch in self.patches:
            if len(patch.values) != len(self.labels):
                raise InputError(
                    f"patch {patch.name!r} has {len(patch.values)} values, expected {len(self.labels)}: "
                    f"{', '.join(self.labels)}"
                )
            if patch.name in names:
                raise InputError(f"patch {patch.name!r} appears more than once; names must be unique")
            names.add(patch.name)
            other = points.setdefault(patch.values, patch.name)
            if other != patch.name:
                at = ", ".join(map(str, patch.values))
                raise InputError(f"patches {other!r} and {patch.name!r} have the same values ({at})")

    def __iter__(self) -> Iterator[Patch]:
        return iter(self.patches)

    def __len__(self) -> int:
        return len(self.patches)

    def named(self, name: str) -> Patch:
        """The patch of a name.

        Raises
        ------
        MissingInput
            There is none; the message names the nearest.
        """
        for patch in self.patches:
            if patch.name == name:
                return patch
        raise MissingInput(f"no patch {name!r}" + did_you_mean(name, (p.name for p in self.patches)))

    def at(self, values: Sequence[Value]) -> Patch:
        """The patch of a point.

        Raises
        ------
        InputError
            The point has another number of values than there are labels.
        MissingInput
            There is no patch there; the message names the nearest point.
        """
        wanted = tuple(values)
        if len(wanted) != len(self.labels):
            raise InputError(f"{len(wanted)} values for {len(self.labels)} labels: {', '.join(self.labels)}")
        for patch in self.patches:
            if patch.values == wanted:
                return patch
        nearest = min(self.patches, key=lambda p: _distance(p.values, wanted), default=None)
        hint = "" if nearest is None else f"; the nearest is {nearest.name!r} at ({_listed(nearest.values)})"
        raise MissingInput(f"no patch at ({_listed(wanted)}){hint}")

    def mismatches(self, background: object) -> tuple[str, ...]:
        """What the digests say against a background-only document: a sentence for each that differs; none if good."""
        found = {algorithm: digest(background, algorithm) for algorithm in self.digests}
        return tuple(
            f"its {algorithm} is {found[algorithm]}, but the patch set was made for {expected}"
            for algorithm, expected in self.digests.items()
            if found[algorithm] != expected.lower()
        )

    def apply(self, background: object, patch: Patch) -> Any:
        """The document of the workspace with one signal. What the patch leaves alone is shared with ``background``.

        Raises
        ------
        InputError
            The patch does not apply.
        """
        try:
            return patched(background, patch.operations)
        except InputError as error:
            raise type(error)(f"patch {patch.name!r} does not apply: {error}") from None

    def headline(self) -> str:
        """What it is in a line."""
        return f"{len(self)} patch{'' if len(self) == 1 else 'es'} by {', '.join(self.labels)}; {self.description}"

    def tables(self) -> tuple[Table, ...]:
        """The points."""
        rows = [(p.name, *p.values, len(p.operations)) for p in self.patches]
        return (Table(caption=self.headline(), columns=("patch", *self.labels, "operations"), rows=rows),)

    def to_dict(self) -> Json:
        """The patch set as its document."""
        return self.to_document()

    def to_document(self) -> Json:
        """The patch set as its document."""
        return {
            "metadata": dict(
                sorted(
                    {
                        **self.metadata,
                        "description": self.description,
                        "digests": dict(self.digests),
                        "labels": list(self.labels),
                        "references": dict(self.references),
                    }.items()
                )
            ),
            "patches": [patch_document(p) for p in self.patches],
            "version": VERSION,
        }


def patch_document(patch: Patch) -> Json:
    """One patch with its metadata, as it stands in the document of a set."""
    return {
        "metadata": dict(sorted({**patch.metadata, "name": patch.name, "values": list(patch.values)}.items())),
        "patch": patch.operations,
    }


def digest(document: object, algorithm: str = "sha256") -> str:
    """The digest that pyhf gives a document: of its JSON text with sorted keys. Order and 50 or 50.0 count.

    Parameters
    ----------
    document
        plain JSON values.
    algorithm
        by its name in ``hashlib``.

    Returns
    -------
    str
        hexadecimal digits.

    Raises
    ------
    InputError
        There is no such algorithm.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"no algorithm {algorithm!r} for digests" + did_you_mean(algorithm, ALGORITHMS))
    return document_digest(document, algorithm)


# ------------------------------------------------------------------------------------------------------------- reading
def read_patchset(path: str | Path, *, tell: Tell | None = None) -> PatchSet:
    """Read a patch set; ``-`` is standard input, gzip is undone.

    Parameters
    ----------
    path
        the JSON file.
    tell
        is told where it was found in a pallet or a list; without it these are refused.

    Returns
    -------
    PatchSet
        its patches in the order of the file.

    Raises
    ------
    MissingInput, UnsafeInput
        The file is not there or too large.
    FormatError
        It breaks the schema, or is another kind of document.
    InputError
        Names or points appear twice, or a point has the wrong number of values.
    """
    source = "standard input" if str(path) == "-" else str(path)
    document = parse_json(read_bytes(path), source)
    inside = patchset_in(document)
    if inside.told and tell is not None:
        document = inside.document
        tell(f"{source}: this is {inside.told}")
    return from_document(document, source)


def from_document(document: object, source: str = "patch set") -> PatchSet:
    """The patch set that a parsed JSON document describes; errors as for :func:`read_patchset`."""
    if not _follows_schema(document):
        raise FormatError(f"{source}: {_reason(document)}")
    assert isinstance(document, dict)
    metadata = dict(document["metadata"])
    try:
        return PatchSet(
            labels=tuple(metadata.pop("labels")),
            digests=metadata.pop("digests"),
            references=metadata.pop("references"),
            description=metadata.pop("description"),
            metadata=metadata,
            patches=tuple(_patch(p) for p in document["patches"]),
        )
    except InputError as error:
        raise type(error)(f"{source}: {error}") from None


def _patch(node: Json) -> Patch:
    metadata = dict(node["metadata"])
    name, values = metadata.pop("name"), metadata.pop("values")
    return Patch(name=name, values=tuple(values), operations=node["patch"], metadata=metadata)


def _follows_schema(document: object) -> bool:
    """Whether the schema accepts a document.

    The operations, which may be many megabytes, are judged by hand: nothing in them but their form is ruled. The rest
    goes to the schema with the patches replaced by empty ones.
    """
    if not isinstance(document, dict) or not isinstance(document.get("patches"), list):
        return False
    light = [
        {**node, "patch": []} if isinstance(node, dict) and _is_patch(node.get("patch")) else node
        for node in document["patches"]
    ]
    return violation({**document, "patches": light}, "patchset") is None


_NEEDS = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from", "remove": "path"}


def _is_patch(operations: object) -> bool:
    return isinstance(operations, list) and all(
        isinstance(o, dict)
        and isinstance(o.get("op"), str)
        and o["op"] in _NEEDS
        and isinstance(o.get("path"), str)
        and _NEEDS[o["op"]] in o
        and isinstance(o.get("from", ""), str)
        for o in operations
    )


def _reason(document: object) -> str:
    mistake = None if isinstance(document, dict) and "patches" in document else mistaken(document, "a patch set")
    if mistake is not None:
        return mistake
    found = violation(document, "patchset")
    if found is None:
        return "it breaks the schema of patch sets"
    path, what = found
    if len(path) > 2 and path[-2] == "values":
        what = (
            f"{str(what).removesuffix(' is not valid under any of the given schemas')} is neither a number nor a text"
        )
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    return (f"{where}: " if where else "") + what + _in_patch(document, path)


def _in_patch(document: object, path: Sequence[str | int]) -> str:
    """Which patch it is, by name."""
    if len(path) < 2 or path[0] != "patches" or not isinstance(document, dict):
        return ""
    try:
        return f" (in patch {document['patches'][path[1]]['metadata']['name']!r})"
    except (LookupError, TypeError):
        return ""


# -------------------------------------------------------------------------------------------------------------- points
def parse_value(text: str) -> Value:
    """A value as it is written in a name: an integer, a number (``125.5``, ``125p5``, ``1e3``), or text.

    >>> parse_value("125p5"), parse_value("300"), parse_value("bbll")
    (125.5, 300, 'bbll')
    """
    stripped = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,15}", stripped):
        return int(stripped)
    if re.fullmatch(r"[+-]?([0-9]+[.p]?[0-9]*|[.p][0-9]+)([eE][+-]?[0-9]{1,2})?", stripped):
        return float(stripped.replace("p", "."))
    return stripped


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(map(str, values))


def _distance(a: Sequence[Value], b: Sequence[Value]) -> tuple[int, float]:
    """First by how many texts differ, then by the numbers."""
    numbers = [(x, y) for x, y in zip(a, b, strict=True) if not isinstance(x, str) and not isinstance(y, str)]
    different = sum(x != y for x, y in zip(a, b, strict=True) if isinstance(x, str) or isinstance(y, str))
    return different, sum(abs(x - y) for x, y in numbers)
