"""The stored cases of the crosscheck (``validation/cases.toml``): what is compared with which reference."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hftranslate.crosschecking.compare import Report, crosscheck
from hftranslate.crosschecking.document import read_results
from hftranslate.crosschecking.results import results
from hftranslate.errors import FormatError, did_you_mean
from hftranslate.formats.documents import read_bytes
from hftranslate.translate import load

_KEYS = {"description", "kind", "input", "patch", "measurement", "test_pois", "reference", "shared"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model and its reference. A ``shared`` input is not part of the repository and may be absent."""

    name: str
    description: str
    input: Path
    patches: tuple[Path, ...]
    measurement: str
    reference: Path
    shared: bool

    @property
    def absent(self) -> Path | None:
        """The first shared input that is not there."""
        if not self.shared:
            return None
        return next((path for path in (self.input, *self.patches) if not path.is_file()), None)

    def run(self) -> Report:
        """Evaluate the model at the reference's points and compare.

        Raises
        ------
        InputError
            The input or the reference cannot be used.
        """
        reference = read_results(self.reference)
        sidecar = reference.conventions.name == "root"
        workspace = load(self.input, patches=self.patches, use_sidecar=sidecar).workspace
        ours = results(
            workspace,
            like=reference,
            measurement=self.measurement,
            inputs=(self.input, *self.patches),
            command="hftranslate crosscheck --cases",
        )
        return crosscheck(ours, reference)


def read_cases(path: str | Path) -> tuple[Case, ...]:
    """The cases that a file lists; paths in it are relative to it.

    Raises
    ------
    FormatError
        It is no TOML, or a case lacks a key or has an unknown one.
    """
    try:
        tables = tomllib.loads(read_bytes(path).decode("utf-8"))["cases"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not valid TOML: {error}") from None
    except KeyError:
        raise FormatError(f"{path}: expected tables [cases.NAME], found none") from None
    return tuple(_cases(tables, Path(path)))


def _cases(tables: dict[str, dict[str, object]], path: Path) -> Iterator[Case]:
    for name, table in tables.items():
        for key in table:
            if key not in _KEYS:
                raise FormatError(f"{path}: case {name!r} has an unknown key {key!r}" + did_you_mean(key, _KEYS))
        for key in ("input", "measurement", "reference"):
            if not isinstance(table.get(key), str):
                raise FormatError(f"{path}: case {name!r} needs the key {key!r}, a string")
        patch = table.get("patch")
        yield Case(
            name=name,
            description=str(table.get("description", "")),
            input=path.parent / str(table["input"]),
            patches=() if patch is None else (path.parent / str(patch),),
            measurement=str(table["measurement"]),
            reference=path.parent / str(table["reference"]),
            shared=bool(table.get("shared", False)),
        )
