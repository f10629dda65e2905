"""pyhf's exceptions; each is one of :mod:`hftranslate.errors`, too, and some names stand for the same one."""

from typing import Any

from hftranslate import errors


def _named(name: str, *bases: type[Exception]) -> type[Exception]:
    return type(name, bases, {"__module__": __name__, "__doc__": bases[0].__doc__})


#: Of these our own is raised as it is.
InvalidArchive = InvalidArchiveHost = InvalidPatchSet = InvalidPdfData = InvalidPdfParameters = errors.InputError
InvalidInterpCode = InvalidTestStatistic = errors.InputError
FailedMinimization, PatchSetVerificationError = errors.FitFailed, errors.VerificationFailed
ImportBackendError = Unsupported = errors.Unsupported
InvalidBackend = _named("InvalidBackend", errors.InputError)
InvalidMeasurement = _named("InvalidMeasurement", errors.MissingInput)
InvalidModel = InvalidModifier = InvalidNameReuse = _named("InvalidModel", errors.InvalidWorkspace)
InvalidPatchLookup = _named("InvalidPatchLookup", errors.MissingInput)
InvalidOptimizer = _named("InvalidOptimizer", errors.InputError)
InvalidWorkspaceOperation = _named("InvalidWorkspaceOperation", errors.InputError, ValueError)
SchemaNotFound = _named("SchemaNotFound", errors.MissingInput, FileNotFoundError)
UnspecifiedPOI = _named("UnspecifiedPOI", errors.MissingInput)


class InvalidSpecification(errors.FormatError):
    """A document breaks its schema: where (``path``), what stands there (``instance``), and which ``schema``."""

    def __init__(self, ValidationError: Any, schema: str | None = None) -> None:
        self.parent, self.schema, self.instance = ValidationError, schema, getattr(ValidationError, "instance", None)
        steps = (f"[{s}]" if isinstance(s, int) else f".{s}" for s in getattr(ValidationError, "path", ()))
        self.path = "".join(steps).lstrip(".")
        where = f"\n\tPath: {self.path}\n\tInstance: {self.instance} Schema: {self.schema}"
        super().__init__(f"{getattr(ValidationError, 'message', ValidationError)}.{where}")
