"""The stored cases of the crosscheck (``validation/cases.toml``): what is compared with which reference."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hftranslate.crosschecking.compare import Report, crosscheck
from hftranslate.crosschecking.document import Results, read_results
from hftranslate.crosschecking.results import results
from hftranslate.crosschecking.variants import with_interpolation, with_ranges
from hftranslate.errors import FormatError, MissingInput, did_you_mean
from hftranslate.formats import pyhf_json
from hftranslate.formats.documents import parse_json, read_bytes
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.translate import load
from hftranslate.workspace import Workspace

#: Keys that only matter to the scripts that make references: ``kind``, ``test_pois``, ``toys``, ``limit``.
_KEYS = {
    "description",
    "kind",
    "input",
    "basedir",
    "patch",
    "patch_name",
    "measurement",
    "interpolation",
    "ranges",
    "test_pois",
    "toys",
    "limit",
    "reference",
    "shared",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model and its reference. A ``shared`` input is not part of the repository and may be absent.

    Attributes
    ----------
    basedir
        what paths in XML are relative to; ``None``: as usual.
    patches, patch_name
        JSON patches; with a name, the only one is a patch set from which the patch of that name is taken.
    interpolation, ranges
        what the input does not say, or is not taken from it: interpolation codes of all modifiers of a type, ranges of
        parameters by name.
    """

    name: str
    description: str
    input: Path
    patches: tuple[Path, ...]
    measurement: str
    reference: Path
    shared: bool
    basedir: Path | None = None
    patch_name: str | None = None
    interpolation: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def absent(self) -> Path | None:
        """The first shared input that is not there."""
        if not self.shared:
            return None
        return next((path for path in (self.input, *self.patches) if not path.is_file()), None)

    def workspace(self, *, use_sidecar: bool = False) -> Workspace:
        """The model, with everything that the case changes in it.

        Raises
        ------
        InputError
            The input cannot be used.
        """
        if self.patch_name is not None:
            found = self._from_patch_set(self.patch_name)
        else:
            xml = None if self.basedir is None else XmlOptions(basedir=self.basedir)
            found = load(self.input, patches=self.patches, xml=xml, use_sidecar=use_sidecar).workspace
        return with_ranges(with_interpolation(found, **self.interpolation), self.ranges)

    def _from_patch_set(self, name: str) -> Workspace:
        import jsonpatch

        (path,) = self.patches
        patch_set: Any = parse_json(read_bytes(path), str(path))
        patches = {p["metadata"]["name"]: p["patch"] for p in patch_set["patches"]}
        if name not in patches:
            raise MissingInput(f"{path} has no patch {name!r}" + did_you_mean(name, patches))
        document = parse_json(read_bytes(self.input), str(self.input))
        return pyhf_json.from_document(jsonpatch.apply_patch(document, patches[name]), f"{self.input} with {name}")

    def run(self) -> Report:
        """Evaluate the model at the reference's points and compare.

        Raises
        ------
        InputError
            The input or the reference cannot be used.
        """
        reference = read_results(self.reference)
        return crosscheck(self.evaluate(reference), reference)

    def evaluate(self, reference: Results) -> Results:
        """Our results at the reference's points."""
        return results(
            self.workspace(use_sidecar=reference.conventions.name == "root"),
            like=reference,
            measurement=self.measurement,
            inputs=(self.input, *self.patches),
            command="hftranslate crosscheck --cases",
        )


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


def _cases(tables: dict[str, dict[str, Any]], path: Path) -> Iterator[Case]:
    for name, table in tables.items():
        for key in table:
            if key not in _KEYS:
                raise FormatError(f"{path}: case {name!r} has an unknown key {key!r}" + did_you_mean(key, _KEYS))
        for key in ("input", "measurement", "reference"):
            if not isinstance(table.get(key), str):
                raise FormatError(f"{path}: case {name!r} needs the key {key!r}, a string")
        patch, basedir = table.get("patch"), table.get("basedir")
        yield Case(
            name=name,
            description=str(table.get("description", "")),
            input=path.parent / str(table["input"]),
            patches=() if patch is None else (path.parent / str(patch),),
            measurement=str(table["measurement"]),
            reference=path.parent / str(table["reference"]),
            shared=bool(table.get("shared", False)),
            basedir=None if basedir is None else path.parent / str(basedir),
            patch_name=table.get("patch_name"),
            interpolation=table.get("interpolation", {}),
            ranges={key: (float(low), float(high)) for key, (low, high) in table.get("ranges", {}).items()},
        )
