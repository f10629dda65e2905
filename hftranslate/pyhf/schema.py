"""pyhf's schemas, of which version 1.0.0 is here."""

import json
from functools import reduce
from importlib.resources import files
from operator import getitem
from types import SimpleNamespace
from typing import Any

from hftranslate import errors
from hftranslate.formats import schemas
from hftranslate.formats.pyhf_json import from_document
from hftranslate.pyhf import exceptions
from hftranslate.workspace import Workspace

version = "1.0.0"
path = files(schemas)


def load_schema(schema_id: str) -> Any:
    """A schema by its place below :data:`path`, as ``1.0.0/workspace.json``."""
    place = path.joinpath(schema_id)
    if not place.is_file():
        raise exceptions.SchemaNotFound(f"the schema {schema_id} was not found")
    return json.loads(place.read_text(encoding="utf-8"))


def validate(spec: Any, schema_name: str, *, version: str | None = None, allow_tensors: bool = True) -> None:
    """Judge a document by a schema; arrays count as lists where they are allowed."""
    load_schema(f"{version or '1.0.0'}/{schema_name}")
    try:  # our reader accepts what the schema accepts, and is faster
        if schema_name == "workspace.json" and allow_tensors:
            read(spec)
            return
    except errors.InvalidWorkspace:  # it follows the schema, and that is all that is asked
        return
    except errors.FormatError:
        pass
    found = schemas.violation(plain(spec) if allow_tensors else spec, schema_name.removesuffix(".json"))
    if found is not None:
        path, message = found
        error = SimpleNamespace(path=path, message=message, instance=reduce(getitem, path, spec))
        raise exceptions.InvalidSpecification(error, schema_name)


def read(document: Any) -> Workspace:
    """Our workspace of a document."""
    try:
        return from_document(document)
    except errors.FormatError:
        return from_document(plain(document))


def plain(document: Any) -> Any:
    """A document with lists and numbers of Python in place of arrays and tuples; nothing in place of anything else."""
    return json.loads(json.dumps(document, default=lambda value: getattr(value, "tolist", lambda: None)()))
