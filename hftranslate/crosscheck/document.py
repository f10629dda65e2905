"""The result document: what one engine says about a model, as typed values and as JSON.

ROOT's, pyhf's and our own documents have the same schema (``schemas/results.schema.json``, which describes every key),
so that any two can be compared. Parameters carry ROOT's names.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hftranslate.display.speaking import Result, Table
from hftranslate.errors import FormatError
from hftranslate.formats.files import write_files
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes
from hftranslate.formats.recognition import mistaken
from hftranslate.inference.hypotest import TestStat
from hftranslate.workspace import Conventions

SCHEMA_NAME = "hftranslate-results/1"

Bins = tuple[float, ...]
#: Numbers per bin, by channel and sample.
Yields = Mapping[str, Mapping[str, Bins]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file that was read, with its checksum."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who says so, and about what."""

    engine: str
    version: str
    command: str
    date: str
    inputs: tuple[InputFile, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRecord:
    """A parameter of the engine's model; an open end of its range is ``None``."""

    name: str
    init: float
    low: float | None
    high: float | None
    fixed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reparametrised:
    """``parameter = offset + scale * name``: the document uses ``name`` for it."""

    name: str
    parameter: str
    offset: float
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Yields and NLL of the observed data where the parameters in ``values`` differ from their initial values."""

    label: str
    values: Mapping[str, float]
    nll: float | None
    evaluation_error: bool
    yields: Yields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Correlation coefficients, rows and columns in the order of ``names``."""

    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRecord:
    """The unconditional fit within the ranges of the parameters.

    Uncertainties and correlations (HESSE) hold with the parameters ``at_limit`` fixed; ``minos`` are the shifts from
    the best fit at which the profiled NLL is 0.5 higher, ``None`` where it does not get there within the range.
    """

    nll: float
    status: str
    values: Mapping[str, float]
    edm: float | None = None
    at_limit: tuple[str, ...] | None = None
    uncertainties: Mapping[str, float] | None = None
    minos: Mapping[str, tuple[float | None, float | None]] | None = None
    correlation: Correlation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToysRecord:
    """How many toys of each hypothesis a test was made with, and the statistical errors of its results."""

    n: int
    seed: int
    clsb_error: float = field(metadata={"key": "CLsb_error"})
    clb_error: float = field(metadata={"key": "CLb_error"})
    cls_error: float = field(metadata={"key": "CLs_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HypoTestRecord:
    """Test of one value of the parameter of interest; ``cls_exp`` at -2 ... +2 standard deviations.

    ``calculator``: ``asymptotic``, ``toys``, or ``roostats`` for RooStats' own asymptotic one, which is a check.
    """

    poi: float
    test_stat: TestStat
    calculator: str
    clsb: float = field(metadata={"key": "CLsb"})
    clb: float = field(metadata={"key": "CLb"})
    cls_obs: float = field(metadata={"key": "CLs_obs"})
    cls_exp: tuple[float | None, ...] = field(metadata={"key": "CLs_exp"})
    q: float | None = None
    q_asimov: float | None = None
    muhat: float | None = None
    nll_conditional: float | None = None
    toys: ToysRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Test of the background-only hypothesis; ``nll_conditional`` is the NLL of the fit that makes the Asimov data."""

    q0: float
    p0: float
    z: float
    muhat: float
    nll_conditional: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord:
    """Upper limits: where CLs falls to ``level``; ``None`` where it does not within the range."""

    level: float
    observed: float | None
    expected: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Results(Result):
    """What one engine says about one measurement of a model. Absent parts are ``None``."""

    provenance: Provenance
    measurement: str
    poi: str | None
    conventions: Conventions
    constant: float
    parameters: tuple[ParameterRecord, ...]
    parametrisation: tuple[Reparametrised, ...]
    data: Mapping[str, Bins]
    points: tuple[Point, ...]
    fit: FitRecord | None = None
    hypotests: tuple[HypoTestRecord, ...] | None = None
    discovery: Discovery | None = None
    limit: LimitRecord | None = None

    def to_document(self) -> dict[str, Any]:
        """As plain JSON values, valid against the schema."""
        return {"schema": SCHEMA_NAME, **to_json(self)}

    to_dict = to_document

    def headline(self) -> str:
        """Whose they are in a line."""
        p = self.provenance
        return f"{p.engine} {p.version} of measurement {self.measurement}; conventions {self.conventions.name}"

    def tables(self) -> tuple[Table, ...]:
        """The fit and the tests."""
        values, errors = ({}, {}) if self.fit is None else (self.fit.values, self.fit.uncertainties or {})
        parameters = [(p.name, p.init, values.get(p.name), errors.get(p.name)) for p in self.parameters]
        tests = [(t.test_stat, t.calculator, t.poi, t.cls_obs, t.cls_exp[2]) for t in self.hypotests or ()]
        of_tests = ("statistic", "by", self.poi or "", "CLs observed", "expected")
        return (
            Table(caption=self.headline(), columns=("parameter", "initial", "fitted", "±"), rows=parameters),
            Table(caption="tests", columns=of_tests, rows=tests),
        )

    def write(self, path: str | Path) -> None:
        """Write the document to a file."""
        write_files({Path(path): dump_json(self.to_document())})


def to_json(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists. Fields that have a default are left out where they are ``None``."""
    if is_dataclass(value):
        found = {}
        for f in fields(value):
            content = getattr(value, f.name)
            if content is not None or f.default is MISSING:
                found[f.metadata.get("key", f.name)] = to_json(content)
        return found
    if isinstance(value, Mapping):
        return {key: to_json(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(entry) for entry in value]
    return value


@cache
def results_schema() -> dict[str, Any]:
    """The JSON schema of result documents."""
    path = files("hftranslate.crosscheck") / "schemas" / "results.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def is_results(path: str | Path) -> bool:
    """Whether a file is a result document, and no model."""
    return b'"hftranslate-results/' in read_bytes(path)[:200]


def read_results(path: str | Path) -> Results:
    """Read a result document.

    Parameters
    ----------
    path
        the JSON file of the document.

    Returns
    -------
    Results
        what it says, with its provenance.

    Raises
    ------
    MissingInput
        There is no such file.
    FormatError
        It is no JSON, or against the schema; the message says where and what.
    """
    source = "standard input" if str(path) == "-" else str(path)
    return from_document(parse_json(read_bytes(path), source), source)


def from_document(document: object, source: str = "the document") -> Results:
    """A result document from plain JSON values.

    Raises
    ------
    FormatError
        The values are against the schema, or against each other.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(results_schema())
    error = best_match(validator.iter_errors(document))
    if error is not None:
        mistake = mistaken(document, "a result document")
        if mistake is not None:
            raise FormatError(f"{source}: {mistake}")
        where = "/".join(str(part) for part in error.absolute_path)
        at = f" at {where}" if where else ""
        message = error.message if len(error.message) < 300 else error.message[:300] + " ..."
        raise FormatError(f"{source} is no result document of the schema {SCHEMA_NAME}{at}: {message}")
    found: Results = _decode(Results, document)
    wrong = next(_inconsistencies(found), None)
    if wrong is not None:
        raise FormatError(f"{source} is no result document that could be used: {wrong}")
    return found


_hints = cache(get_type_hints)


def _decode(kind: Any, value: Any) -> Any:
    """A value that obeys the schema, as what it is here."""
    if not isinstance(value, dict | list):
        return int(value) if kind is int else value  # an integer of JSON's schema may be written as 3.0
    arguments = get_args(kind)
    if get_origin(kind) is UnionType:  # or None
        return _decode(arguments[0], value)
    if isinstance(value, list):
        return tuple([_decode(arguments[0], content) for content in value])
    if get_origin(kind) is Mapping:
        return {name: _decode(arguments[1], content) for name, content in value.items()}
    names = {f.metadata.get("key", f.name): f.name for f in fields(kind)}
    found = {names[key]: content for key, content in value.items() if key in names}
    return kind(**{name: _decode(_hints(kind)[name], content) for name, content in found.items()})


# ------------------------------------------------------------------------ what the schema cannot say of its numbers
def _inconsistencies(found: Results) -> Iterator[str]:
    """What is wrong with the numbers of a document: a sentence for each; nothing where all is well."""
    yield from _twice((p.name for p in found.parameters), "parameter")
    for p in found.parameters:
        if p.low is not None and p.high is not None and p.low > p.high:
            yield f"the range of parameter {p.name!r} is [{p.low:g}, {p.high:g}], its lower end above the upper one"
    yield from _twice((r.name for r in found.parametrisation), "parametrisation by")
    yield from _twice((r.parameter for r in found.parametrisation), "parametrisation of")
    yield from _twice((p.label for p in found.points), "point")
    if found.fit is not None:
        yield from _in_fit(found.fit)
    for test in found.hypotests or ():
        yield from _in_test(test)
    if found.discovery is not None:
        yield from _outside("discovery: p0", found.discovery.p0, most=1.0)
        yield from _outside("discovery: q0", found.discovery.q0)


def _twice(names: Iterable[str], what: str) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name!r} appears more than once"
        seen.add(name)


def _outside(what: str, value: float | None, *, most: float | None = None) -> Iterator[str]:
    if value is not None and (value < 0.0 or (most is not None and value > most)):
        yield f"{what} is {value:g}, expected a number {'not below 0' if most is None else f'from 0 to {most:g}'}"


def _in_fit(fit: FitRecord) -> Iterator[str]:
    for name, sigma in (fit.uncertainties or {}).items():
        yield from _outside(f"fit: the uncertainty of {name!r}", sigma)
    for name, (low, high) in (fit.minos or {}).items():
        if (low or 0.0) > 0.0 or (high or 0.0) < 0.0:
            yield f"fit: the MINOS errors of {name!r} are {low} and {high}, expected one down and one up"
    if fit.correlation is None:
        return
    names, matrix = fit.correlation.names, fit.correlation.matrix
    yield from _twice(names, "fit: correlation of")
    if len(matrix) != len(names) or any(len(row) != len(names) for row in matrix):
        yield f"fit: the matrix of correlations has not {len(names)} rows and columns, as it has names"
    elif any(abs(c) > 1.0 + 1e-6 for row in matrix for c in row):
        yield "fit: a correlation lies outside [-1, 1]"


def _in_test(test: HypoTestRecord) -> Iterator[str]:
    where = f"test of {test.poi:g}"
    values: Mapping[str, float | None] = {"CLsb": test.clsb, "CLb": test.clb}
    for name, value in values.items():
        yield from _outside(f"{where}: {name}", value, most=1.0)
    for name, value in (("CLs_obs", test.cls_obs), *(("CLs_exp", x) for x in test.cls_exp), ("q", test.q)):
        yield from _outside(f"{where}: {name}", value)  # toys may leave CLs above one
    yield from _outside(f"{where}: q_asimov", test.q_asimov)
    if test.toys is not None:
        yield from _outside(f"{where}: seed of toys", test.toys.seed)
        for name in ("clsb_error", "clb_error", "cls_error"):
            yield from _outside(f"{where}: {name}", getattr(test.toys, name))
