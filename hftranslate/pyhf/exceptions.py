"""pyhf's exceptions; each is one of :mod:`hftranslate.errors`, too, and some names stand for the same one."""

from typing import Any

from hftranslate import errors


def _named(name: str, *bases: type[Exception]) -> type[Exception]:
    return type(name, bases, {"__module__": __name__, "__doc__": bases[0].__doc__})


#: Of these our own is raised as it is.
InvalidArchive = InvalidArchiveHost = InvalidPatchSet = InvalidPdfData = InvalidPdfParameters = errors.InputError
ImportBackendError = _named("ImportBackendError", errors.Unsupported)
InvalidBackend = InvalidOptimizer = _named("InvalidBackend", errors.InputError)
InvalidInterpCode = _named("InvalidInterpCode", errors.InputError)
InvalidMeasurement = _named("InvalidMeasurement", errors.MissingInput)
InvalidModel = InvalidModifier = InvalidNameReuse = _named("InvalidModel", errors.InvalidWorkspace)
InvalidPatchLookup = _named("InvalidPatchLookup", errors.MissingInput)
InvalidTestStatistic = _named("InvalidTestStatistic", errors.InputError)
InvalidWorkspaceOperation = _named("InvalidWorkspaceOperation", errors.InputError, ValueError)
PatchSetVerificationError = _named("PatchSetVerificationError", errors.VerificationFailed)
SchemaNotFound = _named("SchemaNotFound", errors.MissingInput, FileNotFoundError)
UnspecifiedPOI = _named("UnspecifiedPOI", errors.MissingInput)
Unsupported = _named("Unsupported", errors.Unsupported)


class InvalidSpecification(errors.FormatError):
    """A document breaks its schema: where (``path``), what stands there (``instance``), and which ``schema``."""

    def __init__(self, ValidationError: Any, schema: str | None = None) -> None:
        self.parent, self.schema, self.instance = ValidationError, schema, getattr(ValidationError, "instance", None)
        steps = (f"[{s}]" if isinstance(s, int) else f".{s}" for s in getattr(ValidationError, "path", ()))
        self.path = "".join(steps).lstrip(".")
        where = f"\n\tPath: {self.path}\n\tInstance: {self.instance} Schema: {self.schema}"
        super().__init__(f"{getattr(ValidationError, 'message', ValidationError)}.{where}")


class FailedMinimization(errors.FitFailed):
    """A fit reached no minimum; ``result`` says how it ended."""

    def __init__(self, result: Any) -> None:
        self.result = result
        super().__init__(getattr(result, "message", str(result)))
