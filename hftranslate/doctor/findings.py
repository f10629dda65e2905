"""What a finding is: one kind of trouble, why it matters, what helps, and every place where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]

#: What each severity means, the worst first.
SEVERITIES: dict[Severity, str] = {
    "error": "the likelihood is wrong, undefined or cannot be fitted as it stands",
    "warning": "results are likely to suffer, or a mistake is likely",
    "note": "worth knowing, and often as it was meant",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was found, as far as it has a channel, a sample, a bin (from zero) and a parameter.

    Attributes
    ----------
    detail
        the numbers that were found there.
    size
        how bad it is, to tell the worst places from the others of one finding.
    """

    channel: str | None = None
    sample: str | None = None
    bin: int | None = None
    parameter: str | None = None
    detail: str = ""
    size: float = 0.0

    def __str__(self) -> str:
        parts = []
        if self.channel is not None:
            parts.append(f"channel {self.channel}")
        if self.sample is not None:
            parts.append(f"sample {self.sample}")
        if self.bin is not None:
            parts.append(f"bin {self.bin}")
        if self.parameter is not None:
            parts.append(f"parameter {self.parameter}")
        where = ", ".join(parts)
        return ": ".join(text for text in (where, self.detail) if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of trouble with all its places, the worst first.

    Attributes
    ----------
    kind
        a fixed word for programs, for example ``negative-expectation``.
    severity
        one of :data:`SEVERITIES`.
    reason
        what was found and why it matters.
    suggestion
        what to change.
    """

    kind: str
    severity: Severity
    reason: str
    suggestion: str
    places: tuple[Place, ...]

    @property
    def count(self) -> int:
        """Number of places."""
        return len(self.places)


def found(
    kind: str, severity: Severity, places: Iterable[Place], *, reason: str, suggestion: str
) -> tuple[Finding, ...]:
    """The finding with these places, the worst first; none where there is no place.

    Parameters
    ----------
    kind
        the name of the finding, as ``docs/doctor.md`` explains it.
    severity
        ``"error"``, ``"warning"`` or ``"note"``.
    places
        where it is.
    reason, suggestion
        why it matters, and what helps: a sentence each.

    Returns
    -------
    tuple of Finding
        one, or none.
    """
    ordered = tuple(sorted(places, key=lambda p: -p.size))
    if not ordered:
        return ()
    return (Finding(kind=kind, severity=severity, reason=reason, suggestion=suggestion, places=ordered),)


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The worst severity among findings; ``None`` where there are none.

    Parameters
    ----------
    findings
        any number of them.

    Returns
    -------
    str or None
        the severity.
    """
    present = {f.severity for f in findings}
    return next((s for s in SEVERITIES if s in present), None)


def at_least(severity: Severity) -> tuple[Severity, ...]:
    """This severity and the worse ones.

    Parameters
    ----------
    severity
        the mildest of them.

    Returns
    -------
    tuple of str
        from the worst down to this one.
    """
    order = tuple(SEVERITIES)
    return order[: order.index(severity) + 1]


def down_to(findings: Iterable[Finding], severity: Severity) -> tuple[Finding, ...]:
    """Those of this severity or a worse one."""
    wanted = at_least(severity)
    return tuple(f for f in findings if f.severity in wanted)


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, otherwise in the order given."""
    order = tuple(SEVERITIES)
    return tuple(sorted(findings, key=lambda f: order.index(f.severity)))
