"""YAML as HEPData reads it. PyYAML and the validator are optional: ``hftranslate[hepdata]``."""

import warnings
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hftranslate.errors import FormatError, needs_extra


def yaml_text(documents: Iterable[Any]) -> str:
    """YAML documents as text, in the order of their keys.

    Raises
    ------
    MissingExtra
        PyYAML is not installed.
    """
    with needs_extra("hepdata", "a record of HEPData"):
        import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """With decimal numbers, whose digits are kept."""

    Dumper.add_representer(Decimal, _represented)
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100, "explicit_start": True}
    text: str = yaml.dump_all(list(documents), Dumper=Dumper, default_flow_style=False, **options)
    return text


def _represented(dumper: Any, value: Decimal) -> Any:
    """A decimal number as YAML 1.1 reads numbers: a point before the exponent."""
    exponent, digits = value.as_tuple().exponent, "".join(map(str, value.as_tuple().digits))
    assert isinstance(exponent, int)
    text = f"{value:f}"
    if exponent > 0 or len(text) > len(digits) + 6:
        shown = f"{digits[0]}.{digits[1:]}e{exponent + len(digits) - 1:+03d}"
        text = f"-{shown}" if value < 0 else shown
    return dumper.represent_scalar("tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int", text)


def yaml_documents(text: str, source: str, *, as_written: bool = False) -> list[Any]:
    """The documents of a YAML text.

    Parameters
    ----------
    as_written
        leave all scalars as the text that stands there: digits count for the precision of a number.

    Raises
    ------
    MissingExtra
        PyYAML is not installed.
    FormatError
        It is no YAML.
    """
    with needs_extra("hepdata", "a record of HEPData"):
        import yaml
    if as_written:
        loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    else:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(yaml.load_all(text, Loader=loader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise FormatError(f"{source} is no YAML: {' '.join(str(error).split())}") from None


def validate_submission(folder: str) -> list[str]:
    """What HEPData's own validator says against a submission; empty where it accepts it.

    Raises
    ------
    MissingExtra
        hepdata-validator is not installed.
    """
    with warnings.catch_warnings():  # it uses what its own libraries call old
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)  # and leaves files to be closed
        with needs_extra("hepdata", "checking a record (--no-validator leaves HEPData's validator out)"):
            from hepdata_validator.full_submission_validator import FullSubmissionValidator
        validator = FullSubmissionValidator()
        try:
            if validator.validate(directory=folder):
                return []
        except Exception as error:  # of bytes that are no text, say: its own, or those of its libraries
            return [f"{folder}: it stops with {type(error).__name__}: {error}"]
    return [f"{name}: {message.message}" for name, messages in validator.get_messages().items() for message in messages]
