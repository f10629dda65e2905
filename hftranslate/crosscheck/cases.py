"""The stored cases of the crosscheck (``validation/cases.toml``): what is compared with which reference."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import float_info
from typing import Any, get_args

from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.document import Results, read_results
from hftranslate.crosscheck.results import results
from hftranslate.crosscheck.variants import with_interpolation, with_ranges
from hftranslate.errors import FormatError, did_you_mean
from hftranslate.formats import pyhf_json
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.signal_grid import read_patchset
from hftranslate.translation.load import load
from hftranslate.workspace import HistoSysCode, NormSysCode, Workspace
from hftranslate.workspace.arrays import is_number

#: The keys of a case and what they hold. Only the scripts that make references use ``kind``, ``test_pois``, ``toys``
#: and ``limit``.
_KEYS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("input", "measurement", "reference"), (str, "a string")),
    **dict.fromkeys(("description", "kind", "basedir", "patch", "patch_name"), (str, "a string")),
    **dict.fromkeys(("interpolation", "ranges", "toys"), (dict, "a table")),
    "test_pois": (list, "a list"),
    **dict.fromkeys(("shared", "limit"), (bool, "true or false")),
}
_NEEDED = ("input", "measurement", "reference")
#: A name becomes that of a page, beside the index of all pages.
_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]{0,199}", re.ASCII)
_INDEX = "index"
_CODES = {"histosys": get_args(HistoSysCode), "normsys": get_args(NormSysCode)}


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
        (path,) = self.patches
        patches = read_patchset(path)
        document = patches.apply(parse_json(read_bytes(self.input), str(self.input)), patches.named(name))
        return pyhf_json.from_document(document, f"{self.input} with {name}")

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


def data_cache() -> Path:
    """Where published models lie that were fetched: the folder of ``HFTRANSLATE_DATA``, or one of the user's cache."""
    from platformdirs import user_cache_path

    named = os.environ.get("HFTRANSLATE_DATA")
    return Path(named) if named else user_cache_path("hftranslate") / "data"


#: How the address of what is shared, and may lie beside the repository or have been fetched, begins.
_SHARED = "shared/data/"


def _place(folder: Path, text: str) -> Path:
    """A file of a case: where its address says or, if it is shared and not there, among what was fetched."""
    path = folder / text
    _, separator, inner = text.partition(_SHARED)
    if separator and not path.exists() and (fetched := data_cache() / inner).exists():
        return fetched
    return path


def read_cases(path: str | Path) -> tuple[Case, ...]:
    """The cases that a file lists; paths in it are relative to it.

    Parameters
    ----------
    path
        the TOML file, as ``validation/cases.toml``.

    Returns
    -------
    tuple of Case
        in the order of the file.

    Raises
    ------
    FormatError
        It is no TOML or lists no cases, two names differ in capital letters only, or a case has a name that no page can
        have, lacks a key, or has an unknown key or a value of another kind than expected.
    """
    try:
        tables = tomllib.loads(read_bytes(path).decode("utf-8")).get("cases")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: not valid TOML: {error}") from None
    if not isinstance(tables, dict) or not tables:
        raise FormatError(f"{path}: expected tables [cases.NAME], found none")
    known: dict[str, str] = {}
    for name in tables:  # pages of both would be one file on some systems
        if (other := known.setdefault(name.casefold(), name)) != name:
            raise FormatError(f"{path}: case {name!r} differs from case {other!r} in capital letters only")
    return tuple(_case(name, table, Path(path)) for name, table in tables.items())


def _case(name: str, table: object, path: Path) -> Case:
    """A case, judged: whoever wrote the file, its name becomes that of a file, too."""
    where = f"{path}: case {name!r}"
    if not _NAME.fullmatch(name) or name.lower() == _INDEX:
        raise FormatError(f"{where}: expected a name of letters, digits and _ . + -, other than {_INDEX!r}")
    if not isinstance(table, dict):
        raise FormatError(f"{where} is no table; expected [cases.{name}]")
    for key, value in table.items():
        if key not in _KEYS:
            raise FormatError(f"{where} has an unknown key {key!r}" + did_you_mean(key, _KEYS))
        kind, words = _KEYS[key]
        if not isinstance(value, kind) or (isinstance(value, str) and not value.isprintable()):
            raise FormatError(f"{where}: {key} is {value!r:.60}; expected {words}")
    for key in _NEEDED:
        if key not in table:
            raise FormatError(f"{where} needs the key {key!r}, a string")
    if "patch_name" in table and "patch" not in table:
        raise FormatError(f"{where} has a patch_name but no patch, which names the patch set")
    folder, patch, basedir = path.parent, table.get("patch"), table.get("basedir")
    return Case(
        name=name,
        description=table.get("description", ""),
        input=_place(folder, table["input"]),
        patches=() if patch is None else (_place(folder, patch),),
        measurement=table["measurement"],
        reference=folder / table["reference"],
        shared=table.get("shared", False),
        basedir=None if basedir is None else _place(folder, basedir),
        patch_name=table.get("patch_name"),
        interpolation=_codes(table.get("interpolation", {}), where),
        ranges={key: _range(key, ends, where) for key, ends in table.get("ranges", {}).items()},
    )


def _codes(table: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    for kind, code in table.items():
        if kind not in _CODES:
            raise FormatError(f"{where}: interpolation of {kind!r}" + did_you_mean(kind, _CODES))
        if code not in _CODES[kind]:
            raise FormatError(f"{where}: no interpolation code {code!r:.60} of {kind}; there are {_CODES[kind]}")
    return table


def _range(name: str, ends: Any, where: str) -> tuple[float, float]:
    numbers = isinstance(ends, list) and len(ends) == 2 and all(map(is_number, ends))
    if not numbers or max(map(abs, ends)) > float_info.max or not ends[0] <= ends[1]:
        raise FormatError(f"{where}: the range of {name!r} is {ends!r:.60}; expected [low, high]")
    return float(ends[0]), float(ends[1])
