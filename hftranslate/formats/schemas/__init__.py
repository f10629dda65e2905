"""pyhf's JSON schemas 1.0.0, bundled, and the one function that judges by them."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

__all__ = ["violation"]

Path: TypeAlias = Sequence[str | int]
_LONGEST = 240


@cache
def _validator(definition: str) -> Any:
    # imported here: a good document never needs it
    from jsonschema import Draft6Validator
    from jsonschema.validators import extend
    from referencing import Registry, Resource

    contents = json.loads(files(__name__).joinpath("1.0.0", "defs.json").read_text(encoding="utf-8"))
    uri = contents["$id"]
    registry: Registry[Any] = Registry().with_resource(uri, Resource.from_contents(contents))
    quick = extend(Draft6Validator, {"items": _items, "anyOf": _any_of})  # type: ignore[no-untyped-call]
    return quick({"$ref": f"{uri}#/definitions/{definition}"}, registry=registry)


def _items(validator: Any, items: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """The library's judgement of the entries of an array; of plain numbers, most of any model, at a glance."""
    from jsonschema import Draft6Validator

    if items == {"type": "number"} and isinstance(instance, list) and {int, float}.issuperset(map(type, instance)):
        return
    yield from Draft6Validator.VALIDATORS["items"](validator, items, instance, schema) or ()


def _any_of(validator: Any, choices: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """The library's judgement of a choice; a modifier that is valid as what it says it is is tried as nothing else."""
    from jsonschema import Draft6Validator

    if isinstance(instance, dict) and isinstance(said := instance.get("type"), str):
        for choice in choices:
            if choice.get("$ref", "").endswith(f"/{said}") and not any(validator.descend(instance, choice)):
                return
    yield from Draft6Validator.VALIDATORS["anyOf"](validator, choices, instance, schema) or ()


def violation(instance: object, definition: str) -> tuple[Path, str] | None:
    """What is wrong with a document by schema 1.0.0.

    Parameters
    ----------
    instance
        parsed JSON.
    definition
        a name in the schema's definitions: ``"workspace"``, ``"sample"``, ``"modifier/normsys"``, ``"patchset"``, ...

    Returns
    -------
    tuple or None
        where (keys and indices from the instance downwards) and what, of the most telling violation; ``None`` for a
        valid document, or one that is nested too deeply to be quoted.
    """
    from jsonschema.exceptions import best_match

    try:
        error = best_match(_validator(definition).iter_errors(instance))
    except RecursionError:
        return None
    if error is None:
        return None
    message = str(error.message)
    if len(message) > _LONGEST:  # the library quotes what it refuses, however long
        message = f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 2 :]}"
    return tuple(error.absolute_path), message
