"""Two workspaces compared fact by fact, and as likelihoods."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference.alignment import Alignment, Announced, align, spelling
from hftranslate.difference.likelihoods import LikelihoodComparison, likelihoods
from hftranslate.difference.statements import (
    UNCHANGED,
    Fact,
    Facts,
    Kind,
    Labels,
    Place,
    Value,
    measurement_facts,
    model_facts,
    with_products_as_factors,
)
from hftranslate.display.speaking import Result, Table
from hftranslate.errors import InputError
from hftranslate.workspace import Conventions, Measurement, Workspace
from hftranslate.workspace.model import check_workspaces

#: Numbers are the same up to this relative difference: formats may move the last digit.
TOLERANCE = 1e-9
#: The NLLs are the same up to this many times the tolerance.
NLL_PER_TOLERANCE = 1000.0
#: Numbers below this are zero: ROOT and we say a factor of zero as the smallest positive number.
_ZERO = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One difference.

    Attributes
    ----------
    where
        channel, sample and modifier, or measurement and parameter, in the words of the first workspace.
    first, second
        what each states; ``None`` where it states nothing.
    size
        largest relative difference of the numbers, ``None`` for words.
    """

    kind: Kind
    where: str
    first: str | None
    second: str | None
    size: float | None = None

    def __str__(self) -> str:
        if self.second is None:
            return f"{self.where}: only in the first ({self.first})"
        if self.first is None:
            return f"{self.where}: only in the second ({self.second})"
        size = "" if self.size is None else f" (relative difference {self.size:.2g})"
        return f"{self.where}: {self.first} / {self.second}{size}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Difference(Result):
    """The result of a comparison.

    Attributes
    ----------
    items
        what is different.
    notes
        what is said differently without another meaning, or could not be compared, in sentences.
    compared
        how many numbers were compared.
    largest, largest_at
        their largest relative difference, and where.
    likelihoods
        one comparison for each measurement that both have.
    tolerance
        relative, for numbers and yields; NLLs may differ by :data:`NLL_PER_TOLERANCE` times as much.
    """

    items: tuple[Item, ...]
    notes: tuple[str, ...]
    compared: int
    largest: float
    largest_at: str
    likelihoods: tuple[LikelihoodComparison, ...]
    tolerance: float

    @property
    def nll_tolerance(self) -> float:
        """Up to this the NLLs count as the same."""
        return NLL_PER_TOLERANCE * self.tolerance

    @property
    def equal(self) -> bool:
        """Whether the two mean the same."""
        return not self.items and all(c.nll is None or self.same_likelihood(c) for c in self.likelihoods)

    def same_likelihood(self, comparison: LikelihoodComparison) -> bool:
        """Whether the likelihoods were compared and are the same."""
        return comparison.nll is not None and comparison.nll <= self.nll_tolerance

    def tables(self) -> tuple[Table, ...]:
        """What is different, and what was compared."""
        from hftranslate.difference.report import tables

        return tables(self)

    def to_dict(self) -> dict[str, Any]:
        """As ``hftranslate diff`` writes it."""
        from hftranslate.difference.report import document

        return document(self)


def difference(
    first: Workspace,
    second: Workspace,
    *,
    measurement: str | None = None,
    conventions: Conventions | None = None,
    tolerance: float = TOLERANCE,
    progress: Progress = silent,
) -> Difference:
    """Compare two workspaces in meaning.

    Where one was read from XML and the other from JSON, names are compared as ROOT takes them, and ranges only where
    both state them.

    Parameters
    ----------
    first, second
        what to compare; what only one of them has is said of that one.
    measurement
        compare this one only; both must have it.
    conventions
        how to evaluate both likelihoods where ROOT and pyhf differ; by default as the first is evaluated.
    tolerance
        see :class:`Difference`.
    progress
        is told how far it has come.

    Returns
    -------
    Difference
        statements by kind, the largest differences of yields and NLL, and the verdict.

    Raises
    ------
    MissingInput
        One of them has no such measurement.
    InputError
        The tolerance is negative or not a number.
    """
    check_workspaces(first, second)
    if not 0.0 <= tolerance < inf:
        raise InputError(f"a tolerance of {tolerance:g}; expected a number that is not negative")
    if measurement is not None:
        first, second = (replace(w, measurements=(w.measurement(measurement),)) for w in (first, second))
    return difference_of_translation(first, second, conventions=conventions, tolerance=tolerance, progress=progress)


def difference_of_translation(
    first: Workspace,
    second: Workspace,
    announced: Announced = (),
    *,
    conventions: Conventions | None = None,
    tolerance: float = TOLERANCE,
    progress: Progress = silent,
) -> Difference:
    """:func:`difference` of all measurements, where the second is the first in another format.

    Parameters
    ----------
    first, second
        what was translated, and what reading the translation gives.
    announced
        parts that the translation has under another name, and said so.
    conventions
        how to evaluate both likelihoods; by default as the first is evaluated.
    tolerance
        see :class:`Difference`.
    progress
        is told how far it has come.

    Returns
    -------
    Difference
        as of :func:`difference`, under the names that were announced.

    Raises
    ------
    InputError
        The tolerance is negative or not a number.
    """
    across = first.conventions != second.conventions
    notes: list[str] = []
    if across:
        rules = first.conventions if conventions is None else conventions
        notes.append(
            f"the first is evaluated under {first.conventions.name} conventions, the second under "
            f"{second.conventions.name}; compared under {rules.name}"
        )
    plain, other = with_products_as_factors(first), with_products_as_factors(second)
    alignment = align(plain, other, across=across, announced=announced)
    labels = Labels(channels=alignment.channels, samples=alignment.samples, entries=alignment.entries)
    ledger = _Ledger(tolerance, across)
    ledger.compare(model_facts(plain), model_facts(other, labels))
    compared = []
    for mine, theirs in _pairs(first, second, alignment, ledger):
        _compare_measurement(first, second, (mine, theirs), labels, ledger)
        compared.append(
            likelihoods(
                first,
                second,
                (mine.name, theirs.name),
                labels,
                conventions=conventions,
                progress=progress,
            )
        )
    return Difference(
        items=(*_items_of_renamings(alignment), *ledger.items),
        notes=(*notes, *alignment.respelt, *ledger.notes()),
        compared=ledger.compared,
        largest=ledger.largest,
        largest_at=ledger.largest_at,
        likelihoods=tuple(compared),
        tolerance=tolerance,
    )


def _items_of_renamings(alignment: Alignment) -> Iterator[Item]:
    for r in alignment.renamed:
        yield Item(kind="structure", where=r.where, first=repr(r.first), second=f"{r.second!r}, with the same content")


def _pairs(
    first: Workspace, second: Workspace, alignment: Alignment, ledger: "_Ledger"
) -> list[tuple[Measurement, Measurement]]:
    pairs = []
    for theirs in second.measurements:
        if theirs.name in alignment.measurements:
            pairs.append((first.measurement(alignment.measurements[theirs.name]), theirs))
        else:
            ledger.add("structure", f"measurement {theirs.name!r}", None, "measurement")
    found = {mine.name for mine, _ in pairs}
    for mine in first.measurements:
        if mine.name not in found:
            ledger.add("structure", f"measurement {mine.name!r}", "measurement", None)
    return pairs


def _compare_measurement(
    first: Workspace,
    second: Workspace,
    measurements: tuple[Measurement, Measurement],
    labels: Labels,
    ledger: "_Ledger",
) -> None:
    mine, theirs = measurements
    found: list[Facts | str] = []
    for workspace, m, names in ((first, mine, UNCHANGED), (second, theirs, labels)):
        try:
            found.append(measurement_facts(workspace, m, mine.name, names))
        except InputError as error:
            found.append(str(error))
    match found:
        case [dict() as one, dict() as two]:
            ledger.compare_parameters(one, two)
        case [str() as one, str()]:
            ledger.note(f"the parameters of measurement {mine.name!r} were not compared: {one}")
        case [one, two]:
            told = ["can be evaluated" if isinstance(facts, dict) else facts for facts in (one, two)]
            ledger.add("settings", f"measurement {mine.name!r}", told[0], told[1])


class _Ledger:
    """The differences met so far."""

    def __init__(self, tolerance: float, across: bool) -> None:
        self.tolerance, self.across = tolerance, across
        self.items: list[Item] = []
        self.compared, self.largest, self.largest_at = 0, 0.0, ""
        self._notes: list[str] = []
        self._ranges: list[str] = []

    def add(self, kind: Kind, where: str, first: str | None, second: str | None, size: float | None = None) -> None:
        self.items.append(Item(kind=kind, where=where, first=first, second=second, size=size))

    def note(self, sentence: str) -> None:
        self._notes.append(sentence)

    def notes(self) -> list[str]:
        """All notes, those about ranges as one."""
        if not self._ranges:
            return self._notes
        shown = ", ".join(self._ranges[:3]) + (f" and {len(self._ranges) - 3} more" if len(self._ranges) > 3 else "")
        return [*self._notes, f"ranges that only one of the formats can state differ: {shown}"]

    def compare(self, first: Facts, second: Facts) -> None:
        """Compare all facts; what belongs to a part that only one has is not listed beside that part."""
        absent: set[Place] = set()
        for place in dict.fromkeys((*first, *second)):
            if any(place[:n] in absent for n in range(1, len(place))):
                continue
            one, two = first.get(place), second.get(place)
            if one is not None and two is not None:
                same = self._compare_values(place, one, two)
                if not same and (len(place) == 1 or place[-1] == "constraint"):
                    absent.add(place)  # other bins, another kind of constraint: the numbers mean something else
                continue
            absent.add(place)
            fact = one or two
            if fact is not None and not fact.optional:
                where, value = ", ".join(place), _shown(fact.value)
                self.add(fact.kind, where, value if one else None, value if two else None)

    def compare_parameters(self, first: Facts, second: Facts) -> None:
        """Compare facts about parameters. One that is in one only is listed where its modifiers are."""
        gone: set[Place] = set()
        for place in [p for p in dict.fromkeys((*first, *second)) if len(p) == 2 and p[1].startswith("parameter ")]:
            if place in first and place in second and first[place].value == second[place].value:
                continue
            states = [None if place not in facts else facts[place].value for facts in (first, second)]
            gone.add(place)
            if None not in states:
                self.add("settings", ", ".join(place), _state(first, place), _state(second, place))
        kept = ({p: fact for p, fact in facts.items() if p[:2] not in gone} for facts in (first, second))
        self.compare(*kept)

    def _compare_values(self, place: Place, one: Fact, two: Fact) -> bool:
        where = ", ".join(place)
        if isinstance(one.value, str) or isinstance(two.value, str):
            same = one.value == two.value or self._same_pois(place, one, two)
            if not same:
                self.add(one.kind, where, _shown(one.value), _shown(two.value))
            return same
        if len(one.value) != len(two.value):
            self.add(one.kind, where, f"{len(one.value)} numbers", f"{len(two.value)} numbers")
            return False
        size, index = _largest(one.value, two.value)
        if one.kind == "settings" and self.across and not (one.stated and two.stated):
            if size > self.tolerance:
                self._ranges.append(where)
            return True
        self.compared += len(one.value)
        if size > self.largest:
            self.largest, self.largest_at = size, where
        if size > self.tolerance:
            several = len(one.value) > 1
            at = f", entry {index}" if several else ""
            self.add(one.kind, where + at, f"{one.value[index]!r}", f"{two.value[index]!r}", size)
        return size <= self.tolerance

    def _same_pois(self, place: Place, one: Fact, two: Fact) -> bool:
        """JSON names one parameter of interest where XML has several, and XML spells unknown ones for ROOT."""
        if not self.across or place[-1] != "parameters of interest":
            return False
        pois = sorted((str(one.value), str(two.value)), key=len)
        spelt = [spelling(p) for p in pois]
        if spelt[0] == spelt[1]:
            return True
        if spelt[0] not in spelt[1].split(spelling(", ")):
            return False
        self.note(f"{place[0]}: of the parameters of interest {pois[1]} JSON names {pois[0]}")
        return True


def _state(facts: Facts, place: Place) -> str:
    value = facts.get((*place, "value"))
    return f"{facts[place].value}" + ("" if value is None else f" at {_shown(value.value)}")


def _largest(one: Sequence[float], two: Sequence[float]) -> tuple[float, int]:
    """Largest relative difference, and which entry has it."""
    largest, index = 0.0, 0
    for i, (x, y) in enumerate(zip(one, two, strict=True)):
        if x != y:
            scale = max(abs(x), abs(y))
            size = abs(x - y) / scale if scale > _ZERO else 0.0
            if size > largest:
                largest, index = size, i
    return largest, index


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    numbers = ", ".join(f"{v:g}" for v in value[:4])
    return numbers + (", ..." if len(value) > 4 else "")
