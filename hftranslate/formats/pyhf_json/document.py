"""pyhf's JSON workspaces, schema version 1.0.0.

The reader accepts exactly what the schema accepts, with checks written out by hand: judging every document with a
schema library would cost more than a fit. Where it refuses, that library words the error.

What the words mean, as pyhf evaluates them: staterror is Gaussian without threshold, shapesys is absolute and Poisson,
normsys is interpolated with code 4 and histosys with code 4p.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, TypeAlias, TypeVar, assert_never

from hftranslate.errors import FormatError, InvalidWorkspace, Unsupported, did_you_mean
from hftranslate.workspace import (
    MODIFIER_TYPES,
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    Numbers,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.arrays import is_number
from hftranslate.workspace.observations import Observation, observation_annotation, observations

VERSION = "1.0.0"

JSON: TypeAlias = dict[str, Any]
T = TypeVar("T")


# ---------------------------------------------------------------------------------------------------------- reading


#: Samples that were read before, by the identity of the nodes that they were read from.
KnownSamples: TypeAlias = Mapping[int, Sample]


def known_samples(document: JSON, workspace: Workspace) -> KnownSamples:
    """What reading another document that shares nodes with this one, as a patched one does, need not read again.

    It holds as long as ``document`` is kept, and stays as it is.

    Parameters
    ----------
    document, workspace
        a document and what was read from it.

    Returns
    -------
    KnownSamples
        to be given to :func:`from_document`.
    """
    return {
        id(node): sample
        for of_channel, channel in zip(document["channels"], workspace.channels, strict=True)
        for node, sample in zip(of_channel["samples"], channel.samples, strict=True)
    }


def from_document(document: object, source: str = "workspace", *, known: KnownSamples | None = None) -> Workspace:
    """The workspace that a parsed JSON document describes.

    The order of everything and the distinction of int and float are kept. An observation of a channel that is not
    there is kept as an annotation, since patches that remove a channel leave its observation behind.

    Parameters
    ----------
    document
        what a JSON parser returned.
    source
        what to call it in messages.
    known
        samples that are not read again (:func:`known_samples`).

    Returns
    -------
    Workspace
        under pyhf's conventions.

    Raises
    ------
    FormatError
        the document breaks the schema, or is another kind of document.
    InvalidWorkspace
        it follows the schema but describes no valid model: numbers of bins differ, names collide, data are missing.
    """
    try:
        return _workspace(document, known or {})
    except _Refused as refused:
        raise FormatError(f"{source}: {_reason(document, refused)}") from None
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"{source}: {error}") from None


class _Refused(Exception):
    """A node breaks the schema: what is wrong, and which definition it should follow (``None``: the schema has none).

    ``path`` leads from the document to the node; it grows on the way up.
    """

    def __init__(self, definition: str | None, what: str) -> None:
        super().__init__(what)
        self.definition = definition
        self.path: list[str | int] = []


def _reason(document: object, refused: _Refused) -> str:
    from hftranslate.formats.recognition import mistaken

    mistake = mistaken(document, "a workspace")
    if mistake is not None:
        return mistake
    if isinstance(document, list):
        return f"this is a list of {len(document)}; expected a workspace, an object with {_listed(_WORKSPACE)}"
    if isinstance(document, dict):
        if not document.keys() & _WORKSPACE:
            given = _listed(map(str, list(document)[:4])) + (", ..." if len(document) > 4 else "")
            return f"this is no workspace: it has none of the keys {_listed(_WORKSPACE)} (found: {given})"
        version = document.get("version", VERSION)
        if isinstance(version, str) and version != VERSION:
            return f"version {version!r} of the schema is not known; expected {VERSION!r}"
    node: Any = document
    names = []
    for step in refused.path:
        node = node[step]
        if isinstance(node, dict) and isinstance(node.get("name"), str):
            names.append(repr(node["name"]))
    path, what = list(refused.path), str(refused)
    if refused.definition:
        from hftranslate.formats.schemas import violation

        if found := violation(node, refused.definition):
            path += found[0]
            what = found[1]
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    return (f"{where}: " if where else "") + what + (f" (in {', '.join(names)})" if names else "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))


def _object(
    value: object, definition: str | None, required: frozenset[str], optional: frozenset[str] = frozenset()
) -> JSON:
    if not isinstance(value, dict):
        raise _Refused(definition, f"found {type(value).__name__}, expected an object")
    keys = value.keys()
    if keys != required:
        for key in sorted(required - keys):
            raise _Refused(definition, f"the key {key!r} is missing")
        for key in sorted(map(str, keys - required - optional)):
            raise _Refused(None, f"unknown key {key!r}{did_you_mean(key, required | optional)}")
    return value


def _items(
    node: JSON, key: str, definition: str, read: Callable[[Any], T], *, may_be_empty: bool = False
) -> tuple[T, ...]:
    """Each item of a list, read. A breach of the schema anywhere comes before an item that is merely invalid."""
    items = node[key]
    if not isinstance(items, list) or not (items or may_be_empty):
        raise _Refused(definition, f"{key!r} must be a list{'' if may_be_empty else ' with at least one item'}")
    result = []
    invalid: InvalidWorkspace | None = None
    for i, item in enumerate(items):
        try:
            result.append(read(item))
        except InvalidWorkspace as error:
            invalid = invalid or error
        except _Refused as refused:
            refused.path[:0] = [key, i]
            raise
    if invalid is not None:
        raise invalid
    return tuple(result)


def _string(node: JSON, key: str, definition: str | None) -> str:
    value = node[key]
    if not isinstance(value, str):
        raise _Refused(definition, f"{key!r} must be a string")
    return value


_ONLY_NUMBERS: tuple[set[type], ...] = ({float}, {int}, {int, float})


def _numbers(node: JSON, key: str, definition: str) -> Numbers:
    value = node[key]
    if not isinstance(value, list) or not value:
        raise _Refused(definition, f"{key!r} must be a list with at least one number")
    if set(map(type, value)) not in _ONLY_NUMBERS and not all(map(is_number, value)):
        raise _Refused(definition, f"{key!r} must contain nothing but numbers")
    return tuple(value)


_WORKSPACE = frozenset(["channels", "measurements", "observations", "version"])
_NAME = frozenset(["name"])
_NAME_DATA = frozenset(["name", "data"])
_CHANNEL = frozenset(["name", "samples"])
_SAMPLE = frozenset(["name", "data", "modifiers"])
_MODIFIER = frozenset(["name", "type", "data"])
_HISTOSYS = frozenset(["lo_data", "hi_data"])
_NORMSYS = frozenset(["lo", "hi"])
_MEASUREMENT = frozenset(["name", "config"])
_CONFIG = frozenset(["poi", "parameters"])
_VECTORS = ("inits", "auxdata", "factors", "sigmas")
_SETTINGS = frozenset([*_VECTORS, "bounds", "fixed"])


def _workspace(document: object, known: KnownSamples) -> Workspace:
    d = _object(document, "workspace", _WORKSPACE)
    if d["version"] != VERSION:
        raise _Refused("workspace", f"'version' must be {VERSION!r}")
    told = _items(d, "observations", "workspace", _observation)
    invalid: InvalidWorkspace | None = None
    channels: tuple[Channel, ...] = ()
    try:
        channels = _items(d, "channels", "workspace", partial(_channel, dict(told), d["channels"], known))
    except InvalidWorkspace as error:  # a breach of the schema further down comes first
        invalid = error
    measurements = _items(d, "measurements", "workspace", _measurement)
    if invalid is not None:
        raise invalid
    seen: set[str] = set()
    for name, _ in told:
        if name in seen:
            raise InvalidWorkspace(f"channel {name!r} has two observations; expected one")
        seen.add(name)
    return Workspace(
        channels=channels,
        measurements=measurements,
        annotations=observation_annotation([c.name for c in channels], told),
    )


def _observation(value: object) -> Observation:
    d = _object(value, "observation", _NAME_DATA)
    return _string(d, "name", "observation"), _numbers(d, "data", "observation")


def _channel(observed: Mapping[str, Numbers], siblings: Sequence[Any], known: KnownSamples, value: object) -> Channel:
    d = _object(value, "channel", _CHANNEL)
    name = _string(d, "name", "channel")
    try:
        samples = _items(d, "samples", "channel", lambda node: known.get(id(node)) or _sample(node))
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"channel {name!r}, {error}") from None
    if name not in observed:
        taken = [s.get("name") for s in siblings if isinstance(s, dict)]
        unclaimed = [other for other in observed if other not in taken]
        raise InvalidWorkspace(
            f"channel {name!r} has no observation" + (did_you_mean(name, unclaimed) if unclaimed else "")
        )
    return Channel(name=name, samples=samples, observed=observed[name])


def _sample(value: object) -> Sample:
    d = _object(value, "sample", _SAMPLE)
    name = _string(d, "name", "sample")
    nominal = _numbers(d, "data", "sample")
    try:
        modifiers = _items(d, "modifiers", "sample", _modifier, may_be_empty=True)
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"sample {name!r}, {error}") from None
    return Sample(name=name, nominal=nominal, modifiers=modifiers)


def _modifier(value: object) -> Modifier:
    word = value.get("type") if isinstance(value, dict) else None
    read = _MODIFIERS.get(word) if isinstance(word, str) else None
    d = _object(value, read and f"modifier/{word}", _MODIFIER)
    if read is None:
        known = did_you_mean(word, _MODIFIERS) if isinstance(word, str) else ""
        raise _Refused(None, f"{word!r} is not a type of modifier{known}")
    return read(_string(d, "name", f"modifier/{word}"), d)


def _histosys(name: str, d: JSON) -> Modifier:
    data = _object(d["data"], "modifier/histosys", _HISTOSYS)
    lo = _numbers(data, "lo_data", "modifier/histosys")
    hi = _numbers(data, "hi_data", "modifier/histosys")
    return HistoSys(name=name, lo_data=lo, hi_data=hi)


def _normsys(name: str, d: JSON) -> Modifier:
    data = _object(d["data"], "modifier/normsys", _NORMSYS)
    lo, hi = data["lo"], data["hi"]
    if not (is_number(lo) and is_number(hi)):
        raise _Refused("modifier/normsys", "'lo' and 'hi' must be numbers")
    return NormSys(name=name, lo=lo, hi=hi)


def _shapesys(name: str, d: JSON) -> Modifier:
    return ShapeSys(name=name, data=_numbers(d, "data", "modifier/shapesys"))


def _staterror(name: str, d: JSON) -> Modifier:
    return StatError(name=name, data=_numbers(d, "data", "modifier/staterror"))


def _lumi(name: str, d: JSON) -> Modifier:
    if name != "lumi":
        raise _Refused("modifier/lumi", "the name of a lumi modifier must be 'lumi'")
    return _without_data(Lumi, "lumi", name, d)


def _without_data(of: Callable[..., Modifier], word: str, name: str, d: JSON) -> Modifier:
    if d["data"] is not None:
        raise _Refused(f"modifier/{word}", "'data' must be null")
    return of(name=name)


_MODIFIERS: dict[str, Callable[[str, JSON], Modifier]] = {
    "histosys": _histosys,
    "lumi": _lumi,
    "normfactor": partial(_without_data, NormFactor, "normfactor"),
    "normsys": _normsys,
    "shapefactor": partial(_without_data, ShapeFactor, "shapefactor"),
    "shapesys": _shapesys,
    "staterror": _staterror,
}


def _measurement(value: object) -> Measurement:
    d = _object(value, "measurement", _MEASUREMENT)
    name = _string(d, "name", "measurement")
    try:
        config = _object(d["config"], "config", _CONFIG)
        poi = _string(config, "poi", "config")
        parameters = _items(config, "parameters", "config", _parameter, may_be_empty=True)
    except _Refused as refused:
        refused.path.insert(0, "config")
        raise
    except InvalidWorkspace as error:
        raise InvalidWorkspace(f"measurement {name!r}, {error}") from None
    return Measurement(name=name, pois=(poi,) if poi else (), parameters=parameters)


def _parameter(value: object) -> ParameterConfig:
    d = _object(value, "parameter", _NAME, _SETTINGS)
    name = _string(d, "name", "parameter")
    settings: JSON = {key: _numbers(d, key, "parameter") for key in _VECTORS if key in d}
    if "bounds" in d:
        settings["bounds"] = _items(d, "bounds", "parameter", _pair)
    if "fixed" in d:
        if not isinstance(d["fixed"], bool):
            raise _Refused("parameter", "'fixed' must be true or false")
        settings["fixed"] = d["fixed"]
    return ParameterConfig(name=name, **settings)


def _pair(value: object) -> Numbers:
    # The schema means to say "two numbers" but says "any numbers"; the model's own check counts them.
    if not isinstance(value, list):
        raise _Refused(None, f"found {type(value).__name__}, expected [low, high]")
    if not all(map(is_number, value)):
        raise _Refused(None, "bounds must be numbers")
    return tuple(value)


# ---------------------------------------------------------------------------------------------------------- writing


def to_document(workspace: Workspace) -> JSON:
    """The workspace as a document that follows the schema, with keys in pyhf's order.

    Conventions, bin edges and annotations are left out silently (but for the order of observations).

    Parameters
    ----------
    workspace
        the model, in the dialect of pyhf JSON.

    Returns
    -------
    dict
        plain JSON values, valid against schema 1.0.0.

    Raises
    ------
    Unsupported
        the schema has no word for something in the workspace; the message names it.
    """
    if workspace.functions:
        _cannot(f"function {workspace.functions[0].name!r}", "derived parameters")
    return {
        "channels": [
            {"name": c.name, "samples": [_sample_document(c.name, s) for s in c.samples]} for c in workspace.channels
        ],
        "measurements": [_measurement_document(m) for m in workspace.measurements],
        "observations": _observations(workspace),
        "version": VERSION,
    }


def _cannot(where: str, what: str) -> NoReturn:
    raise Unsupported(f"{where}: pyhf JSON {VERSION} cannot say {what}")


def _observations(workspace: Workspace) -> list[JSON]:
    for channel in workspace.channels:
        if channel.observed is None:
            _cannot(
                f"channel {channel.name!r}",
                "that a channel has no data (--asimov-if-missing takes what is expected in XML)",
            )
    return [{"data": list(data), "name": name} for name, data in observations(workspace)]


def _sample_document(channel: str, sample: Sample) -> JSON:
    modifiers = []
    for m in sample.modifiers:
        word = MODIFIER_TYPES[type(m)]
        where = f"channel {channel!r}, sample {sample.name!r}, {word} {m.name!r}"
        modifiers.append({"data": _modifier_data(m, where), "name": m.name, "type": word})
    return {"data": list(sample.nominal), "modifiers": modifiers, "name": sample.name}


def _modifier_data(modifier: Modifier, where: str) -> object:
    match modifier:
        case Lumi():
            if modifier.name != "lumi":
                _cannot(where, "another name of the luminosity than 'lumi'")
            return None
        case NormFactor(power=power) if power != 1:
            _cannot(where, f"a power of {power}")
        case NormFactor() | ShapeFactor():
            return None
        case NormSys():
            if modifier.interpolation != "code4":
                _cannot(where, f"the interpolation {modifier.interpolation!r}")
            return {"hi": modifier.hi, "lo": modifier.lo}
        case HistoSys():
            if modifier.interpolation != "code4p":
                _cannot(where, f"the interpolation {modifier.interpolation!r}")
            return {"hi_data": list(modifier.hi_data), "lo_data": list(modifier.lo_data)}
        case ShapeSys():
            if modifier.constraint != "poisson":
                _cannot(where, f"a {modifier.constraint} constraint")
            if modifier.relative:
                _cannot(where, "relative uncertainties")
            return list(modifier.data)
        case StatError():
            if modifier.constraint != "gaussian":
                _cannot(where, f"a {modifier.constraint} constraint")
            if modifier.threshold > 0:
                _cannot(where, f"the threshold {modifier.threshold}")
            return list(modifier.data)
        case _:
            assert_never(modifier)


def _measurement_document(measurement: Measurement) -> JSON:
    where = f"measurement {measurement.name!r}"
    if len(measurement.pois) > 1:
        _cannot(where, f"several parameters of interest: {', '.join(measurement.pois)}")
    if measurement.constraint_terms:
        term = measurement.constraint_terms[0]
        _cannot(f"{where}, systematic {term.name!r}", f"the constraint term {term.kind!r}")
    parameters = [_parameter_document(p, f"{where}, parameter {p.name!r}") for p in measurement.parameters]
    poi = measurement.pois[0] if measurement.pois else ""
    return {"config": {"parameters": parameters, "poi": poi}, "name": measurement.name}


def _parameter_document(parameter: ParameterConfig, where: str) -> JSON:
    document: JSON = {}
    for key in ("auxdata", "bounds", "factors", "fixed", "inits", "sigmas"):
        value = getattr(parameter, key)
        if value == ():
            _cannot(where, f"an empty list of {key}")
        if key == "fixed" and isinstance(value, tuple):
            if len(set(value)) > 1:
                _cannot(where, "that only some of its entries are fixed")
            value = value[0]
        if value is not None:
            as_is = isinstance(value, bool)
            document[key] = value if as_is else [list(v) if isinstance(v, tuple) else v for v in value]
    document["name"] = parameter.name
    return dict(sorted(document.items()))
