"""What a report of a model holds: the results of the commands and their tables, as plain JSON values."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.crosscheck.document import Results, to_json
from hftranslate.crosscheck.results import provenance, results
from hftranslate.crosscheck.runs import crosscheck_model
from hftranslate.display.speaking import Result, Table
from hftranslate.doctor import diagnose, summary
from hftranslate.doctor.report import document as diagnosis_document
from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.fit import FitResult, asimov_data, fit
from hftranslate.inference.goodness import goodness_of_fit
from hftranslate.inference.impacts import impacts
from hftranslate.inference.limits import upper_limit
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.postfit import fitted_yields
from hftranslate.inference.profiles import profile_scan
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.workspace import Conventions, Workspace

Json = dict[str, Any]
SCHEMA = "hftranslate-report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model to report on.

    Attributes
    ----------
    workspace, measurement, conventions
        the model, one of its measurements (the first by default), and whose rules evaluate it (its own by default).
    fixed, bounds
        parameters that are held at a value, and other ranges, by pyhf's or ROOT's name.
    asimov
        the Asimov data of this value of the parameter of interest stand in place of the observed ones.
    inputs, command
        where it came from and by which command, for the record.
    reference
        what ROOT, or another engine, says about it.
    """

    workspace: Workspace
    measurement: str | None = None
    conventions: Conventions | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    asimov: float | None = None
    inputs: tuple[Path, ...] = ()
    command: str = ""
    reference: Results | None = None

    @property
    def rules(self) -> Conventions:
        """The conventions that evaluate it."""
        return self.workspace.conventions if self.conventions is None else self.conventions


def report(subject: Subject, *, options: FitOptions = DEFAULT_OPTIONS, batch: BatchOptions = DEFAULT_BATCH) -> Json:
    """Everything that one page says about a model, as plain JSON values.

    A part that cannot be computed is named under ``missing``, with the reason; the others stand.

    Parameters
    ----------
    subject
        the model.
    options
        how to minimise.
    batch
        where the many fits of the impacts run, and who listens.

    Returns
    -------
    dict
        ``provenance``, ``summary``, ``doctor``, results under their commands' names (``fit``, ``prefit``, ``postfit``,
        ``impacts``, ``scan``, ``limit``, ``gof``), each as the command writes it, ``tables`` of them, ``crosscheck``.

    Raises
    ------
    InputError
        The model has no such measurement or no such parameter, or cannot be evaluated at all.
    """
    model, data = compile_model(subject.workspace, subject.measurement, subject.conventions)
    model = restricted(model, subject.fixed, subject.bounds)
    if subject.asimov is not None:
        data, _ = asimov_data(model, data, subject.asimov, options=options)
    chosen = subject.workspace.measurement(subject.measurement)
    parts = _Parts()
    parts.add("fit", lambda: fit(model, data, options=options))
    best = parts.found.get("fit")
    parts.add("prefit", lambda: fitted_yields(model, data=data))
    if isinstance(best, FitResult):
        for name, compute in _after(model, data, best, options, batch).items():
            parts.add(name, compute)
    for name in set(_AFTER) - set(parts.found) - set(parts.missing):
        parts.missing[name] = "there is no fit" if best is None else "the measurement names no parameter of interest"
    document = {
        "schema": SCHEMA,
        "provenance": to_json(provenance(subject.inputs, subject.command)),
        "measurement": chosen.name,
        "poi": chosen.pois[0] if chosen.pois else None,
        "conventions": to_json(subject.rules),
        "restriction": {
            "fixed": dict(subject.fixed),
            "bounds": {name: list(ends) for name, ends in subject.bounds.items()},
            "asimov": subject.asimov,
        },
        "summary": summary(subject.workspace),
        "doctor": diagnosis_document(diagnose(subject.workspace, subject.measurement, subject.conventions)),
        **{name: result.to_dict() for name, result in parts.found.items()},
        "tables": {name: [_plain(t) for t in result.tables()] for name, result in parts.found.items()},
    }
    if subject.reference is not None:
        document["crosscheck"] = _crosscheck(subject, subject.reference)
    return {**document, "missing": parts.missing}


#: What needs a fit; the last three, a parameter of interest, too.
_AFTER = ("postfit", "gof", "impacts", "scan", "limit")


@dataclass(slots=True)
class _Parts:
    """Results by name, and why there are no others."""

    found: dict[str, Result] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, compute: Callable[[], Result]) -> None:
        """Compute a part, or note why it cannot be."""
        try:
            self.found[name] = compute()
        except (InputError, FitFailed) as error:
            self.missing[name] = str(error)


def _after(
    model: Model, data: Data, best: FitResult, options: FitOptions, batch: BatchOptions
) -> dict[str, Callable[[], Result]]:
    """What needs a fit."""
    pois = [name for name in model.parameters.poi_names if name in model.parameters.names]
    found: dict[str, Callable[[], Result]] = {
        "postfit": lambda: fitted_yields(model, best),
        "gof": lambda: goodness_of_fit(model, data, options=options),
    }
    if pois:
        found["impacts"] = lambda: impacts(model, data, options=options, batch=batch)
        found["scan"] = lambda: profile_scan(model, data, pois[0], options=options)
        found["limit"] = lambda: upper_limit(model, data, options=options)
    return found


def _plain(table: Table) -> Json:
    """A table as plain JSON values; numbers that are none are nothing."""
    shown = asdict(table)
    rows = [[c if isinstance(c, str) or c is None or abs(c) < float("inf") else None for c in r] for r in table.rows]
    return {**shown, "columns": list(table.columns), "rows": rows}


def _crosscheck(subject: Subject, reference: Results) -> Json:
    ours = results(
        subject.workspace,
        like=reference,
        measurement=subject.measurement,
        conventions=subject.conventions,
        inputs=subject.inputs,
        command=subject.command,
    )
    return crosscheck_model(subject.workspace, ours, reference).to_document()
