"""CLs or limits of all points of a patch set: many models with one background."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from hftranslate.batch.journal import Journal, are_numbers, is_number
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_many import Failed, run_many
from hftranslate.display.speaking import Result, Table, named
from hftranslate.errors import FormatError
from hftranslate.formats.recognition import mistaken
from hftranslate.signal_grid.document import Patch, PatchSet, Value, Values, digest
from hftranslate.signal_grid.tasks import Background, Json, Packed, PointTask, ScanSettings, What
from hftranslate.signal_grid.toy_scan import scan_by_toys


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point with its result, as ``hftranslate cls`` or ``limit`` writes it (without the tested values)."""

    name: str
    values: Values
    result: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPoint:
    """A point without a result, and why."""

    name: str
    values: Values
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Scan(Result):
    """What was found at the points of a patch set, in its order; failures apart.

    Attributes
    ----------
    task
        settings, and the digest of the background-only workspace.
    """

    labels: tuple[str, ...]
    task: Json
    points: tuple[Point, ...]
    failed: tuple[FailedPoint, ...] = ()

    @property
    def what(self) -> What:
        """What was computed."""
        what: What = self.task["what"]
        return what

    @property
    def level(self) -> float:
        """CLs at which a point is excluded: one minus the confidence level."""
        return float(self.task["level"])

    def failures(self) -> list[str]:
        """A sentence for each reason of failures, with the first of its points."""
        by_reason: dict[str, list[str]] = {}
        for f in self.failed:
            by_reason.setdefault(f.reason, []).append(f.name)
        return [
            f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {reason}"
            for reason, names in by_reason.items()
        ]

    def to_document(self) -> Json:
        """The scan as plain JSON values."""
        return {
            **self.task,
            "labels": list(self.labels),
            "points": [{"name": p.name, "values": list(p.values), **p.result} for p in self.points],
            "failed": [{"name": p.name, "values": list(p.values), "reason": p.reason} for p in self.failed],
        }

    to_dict = to_document

    def tables(self) -> tuple[Table, ...]:
        """The points, those that failed at the end with the reason."""
        head, *rows = self.rows()
        failed = f", {len(self.failed)} failed" if self.failed else ""
        values = [p.result[_KEYS[self.what][0]] for p in self.points]  # limits: on a signal that is predicted to be one
        excluded = sum(v is not None and v < (self.level if self.what == "cls" else 1.0) for v in values)
        caption = f"{self.what} of {len(self.points)} points{failed}; {excluded} excluded at CLs = {self.level:g}"
        note = f"conventions: {self.task.get('conventions', 'pyhf')}"
        return (Table(caption=caption, columns=tuple(map(str, head)), rows=list(map(tuple, rows)), note=note),)

    def rows(self) -> list[list[Value | None]]:
        """The scan as a table: a head, then a row for each point; failures at the end, with the reason."""
        head, keys = _COLUMNS[self.what], _KEYS[self.what]
        table: list[list[Value | None]] = [["name", *self.labels, *head, "failure"]]
        for p in self.points:
            observed, expected = (p.result[key] for key in keys)
            table.append([p.name, *p.values, observed, *expected, None])
        table += [[p.name, *p.values, *[None] * len(head), p.reason] for p in self.failed]
        return table


_KEYS: dict[What, tuple[str, str]] = {"cls": ("CLs_obs", "CLs_exp"), "limit": ("observed", "expected")}
_BANDS = ("-2", "-1", "0", "1", "2")
_COLUMNS: dict[What, tuple[str, ...]] = {
    "cls": ("CLs_obs", *(f"CLs_exp_{band}" for band in _BANDS)),
    "limit": ("limit_obs", *(f"limit_exp_{band}" for band in _BANDS)),
}


def scan_from_document(document: object, source: str = "scan") -> Scan:
    """The scan that a document holds.

    Raises
    ------
    FormatError
        It is not what ``hftranslate patchset scan`` writes.
    """
    mistake = mistaken(document, "the result of 'patchset scan'")
    if mistake is not None:
        raise FormatError(f"{source}: {mistake}")
    not_one = f"{source} is no scan as 'hftranslate patchset scan' writes it"
    if not isinstance(document, dict):
        raise FormatError(f"{not_one}: found no object")
    try:
        return _read(document)
    except KeyError as error:
        raise FormatError(f"{not_one}: {error} is missing") from None
    except ValueError as error:
        raise FormatError(f"{not_one}: {error}") from None


def _read(document: Mapping[str, Any]) -> Scan:
    """The scan of a document; a ValueError says what is of another form."""
    task = dict(document)
    labels = task.pop("labels")
    _demand(isinstance(labels, list) and all(isinstance(a, str) for a in labels), "'labels' is no list of texts")
    _demand(document["what"] in ("cls", "limit"), f"'what' is {document['what']!r}, expected 'cls' or 'limit'")
    _demand(is_number(document["level"]) and 0.0 < document["level"] < 1.0, "'level' is no number between 0 and 1")
    for key, (good, words) in _TASK.items():
        _demand(key not in document or good(document[key]), f"{key!r} is {document.get(key)!r:.60}, expected {words}")
    points = [_point(node, document["what"]) for node in _nodes(task.pop("points"), len(labels))]
    failed = [
        FailedPoint(name=node["name"], values=tuple(node["values"]), reason=str(node["reason"]))
        for node in _nodes(task.pop("failed"), len(labels))
    ]
    return Scan(labels=tuple(labels), task=task, points=tuple(points), failed=tuple(failed))


def _nodes(nodes: object, n_labels: int) -> list[Json]:
    """Points with a name and a value for each label."""
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise ValueError("its points are no list of objects")
    for node in nodes:
        name, values = node["name"], node["values"]
        _demand(isinstance(name, str), f"the name {name!r} of a point is no text")
        are_values = isinstance(values, list) and all(is_number(v) or isinstance(v, str) for v in values)
        _demand(are_values, f"the values of {name!r} are neither numbers nor texts")
        _demand(len(values) == n_labels, f"{name!r} has {len(values)} values for {n_labels} labels")
    return nodes


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and is_number(value) and 0.0 <= value <= 1.0 + 1e-9  # as rounding leaves it


def _are_probabilities(value: object) -> bool:
    return isinstance(value, list) and len(value) == len(_BANDS) and all(v is None or _is_probability(v) for v in value)


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_poi(value: object) -> bool:
    return isinstance(value, dict) and _is_name(value.get("name")) and are_numbers(value.get("range"), 2, or_null=True)


#: What a scan and its results hold besides what :func:`_read` looks at itself: whether a value is good, and in words.
_Kinds: TypeAlias = Mapping[str, tuple[Callable[[object], bool], str]]
_TASK: _Kinds = {
    "test_poi": (is_number, "a number"),
    **dict.fromkeys(("test_stat", "conventions", "background_sha256"), (_is_name, "a text")),
    "measurement": (lambda v: v is None or isinstance(v, str), "a text or null"),
}
_RESULT: dict[What, _Kinds] = {
    "cls": {
        "CLs_obs": (lambda v: v is None or _is_probability(v), "a probability or null"),
        "CLs_exp": (_are_probabilities, "a list of probabilities"),
        **dict.fromkeys(("CLsb", "CLb"), (lambda v: v is None or _is_probability(v), "a probability or null")),
        **dict.fromkeys(("poi_test", "q", "q_asimov", "muhat"), (lambda v: v is None or is_number(v), "a number")),
        **dict.fromkeys(("test_stat", "status", "conventions"), (_is_name, "a text")),
        "outside_range": (_are_names, "a list of texts"),
    },
    "limit": {
        "observed": (lambda v: v is None or is_number(v), "a number or null"),
        "expected": (lambda v: are_numbers(v, len(_BANDS), or_null=True), "a list of numbers"),
        "level": (_is_probability, "a probability"),
        "failures": (lambda v: isinstance(v, dict) and all(map(_is_name, v.values())), "reasons by name"),
        "conventions": (_is_name, "a text"),
        "poi": (_is_poi, "a parameter with its range"),
        "outside_range": (_are_names, "a list of texts"),
    },
}


#: What may be more than one where toys make it: the ratio of two fractions.
_BY_TOYS: _Kinds = {
    "CLs_obs": (lambda v: v is None or (is_number(v) and v >= 0.0), "a ratio of probabilities"),  # type: ignore[operator]
    "CLs_exp": (lambda v: are_numbers(v, len(_BANDS)) and min(v) >= 0.0, "a list of such ratios"),  # type: ignore[call-overload]
}


def _point(node: Json, what: What) -> Point:
    kinds = {**_RESULT[what], **_BY_TOYS} if what == "cls" and "toys" in node else _RESULT[what]
    for key in _KEYS[what]:
        _demand(key in node, f"{key!r} of {node['name']!r} is missing")
    for key, (good, words) in kinds.items():
        _demand(
            key not in node or good(node[key]), f"{key!r} of {node['name']!r} is {node.get(key)!r:.60}, not {words}"
        )
    result = {key: value for key, value in node.items() if key not in ("name", "values")}
    return Point(name=node["name"], values=tuple(node["values"]), result=result)


def _demand(right: bool, otherwise: str) -> None:
    if not right:
        raise ValueError(otherwise)


def scan(
    background: Json,
    patches: PatchSet,
    settings: ScanSettings | None = None,
    *,
    names: str | Sequence[str] | None = None,
    batch: BatchOptions = DEFAULT_BATCH,
) -> Scan:
    """Test all points of a patch set.

    Parameters
    ----------
    background
        the document of the background-only workspace; it has to stay as it is.
    patches
        of the signals.
    settings
        how points are tested; asymptotically with ``"qtilde"`` by default.
    names
        of the points to compute; all by default.
    batch
        where they are computed, who listens, and where they are kept; failures are not.

    Returns
    -------
    Scan
        the points in the order of the patch set.

    Raises
    ------
    MissingInput
        There is no patch of a name, or no such measurement.
    InputError
        The background is no valid workspace.
    WorkersLost
        A worker process died.
    """
    chosen = settings or ScanSettings()
    wanted = tuple(patches) if names is None else tuple(patches.named(name) for name in dict.fromkeys(named(names)))
    journal = batch.opened(scan_task(background, patches, chosen)) if batch.resume is not None else None
    kept = {} if journal is None else _kept(journal, wanted, chosen.what)
    missing = [p for p in wanted if p.name not in kept]
    shared = Background(background)
    shared.workspace.measurement(chosen.measurement)  # what is wrong here is one error, not one for each point

    if chosen.toys is not None and chosen.what == "cls":
        arrived = scan_by_toys(shared, missing, chosen, chosen.toys, batch, journal)
    else:
        arrived = _scan(shared, missing, chosen, batch, journal)
    results: dict[str, Json | Failed] = {**kept, **arrived}
    points, failed = [], []
    for p in wanted:
        match results[p.name]:
            case Failed(reason=reason):
                failed.append(FailedPoint(name=p.name, values=p.values, reason=reason))
            case result:
                points.append(Point(name=p.name, values=p.values, result=result))
    return Scan(
        labels=patches.labels,
        task=_told(shared, patches, chosen),
        points=tuple(points),
        failed=tuple(failed),
    )


def _scan(
    background: Background,
    patches: Sequence[Patch],
    settings: ScanSettings,
    batch: BatchOptions,
    journal: Journal | None,
) -> dict[str, Json | Failed]:
    """The results of points by name, a task for each."""

    def keep(index: int, result: Json | Failed) -> None:
        if journal is not None and not isinstance(result, Failed):
            journal.write(patches[index].name, result)

    arrived = run_many(
        PointTask(background=background, settings=settings),
        [Packed(p) for p in patches],
        executor=batch.executor,
        progress=batch.progress,
        step="points",
        keep=keep,
    )
    return {p.name: result for p, result in zip(patches, arrived, strict=True)}


def _kept(journal: Journal, patches: Iterable[Patch], what: What) -> dict[str, Json]:
    """What is kept of patches, judged: a journal is a file that anyone may have written."""
    results = {p.name: journal.results[p.name] for p in patches if p.name in journal.results}
    for name, result in results.items():
        try:
            _point({**result, "name": name, "values": []}, what)
        except (TypeError, ValueError):
            raise journal.wrong(name, "a scan") from None
        if not isinstance(result, dict) or {"name", "values"} & result.keys():
            raise journal.wrong(name, "a scan")
    return results


def _told(background: Background, patches: PatchSet, settings: ScanSettings) -> Json:
    options = asdict(settings)
    del options["options"]
    if not settings.every_q:
        del options["every_q"]
    if settings.what == "limit":
        del options["test_poi"]
    return {**options, "background_sha256": background.digest, "references": dict(patches.references)}


def scan_task(background: Json, patches: PatchSet, settings: ScanSettings) -> Json:
    """What kept results of a scan belong to: the background, the patches and the settings."""
    of_patches = hashlib.sha256()
    for p in patches:
        of_patches.update(f"{p.name} {digest(p.operations)}\n".encode())
    return {
        "background": digest(background),
        "patches": of_patches.hexdigest(),
        **{key: value for key, value in asdict(settings).items() if key != "options" and (key != "every_q" or value)},
        "minimizer": asdict(settings.options),
    }
