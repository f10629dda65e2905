"""pyhf's JSON schemas 1.0.0, bundled, and the one function that judges by them."""

import json
from collections.abc import Sequence
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
    from referencing import Registry, Resource

    contents = json.loads(files(__name__).joinpath("1.0.0", "defs.json").read_text(encoding="utf-8"))
    uri = contents["$id"]
    registry: Registry[Any] = Registry().with_resource(uri, Resource.from_contents(contents))
    return Draft6Validator({"$ref": f"{uri}#/definitions/{definition}"}, registry=registry)


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
