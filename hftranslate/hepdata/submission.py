"""The submission.yaml of a record: the likelihood as resource of the whole record, and its tables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

from hftranslate.display import terminal
from hftranslate.errors import InputError, did_you_mean
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.tables import Table

Json: TypeAlias = dict[str, Any]

#: The type that makes a resource a likelihood; words in its description no longer do (since October 2025).
RESOURCE_TYPE = "HistFactory"
#: That of the same likelihood in HS3, a file of its own beside the archive.
HS3_TYPE = "HS3"
#: Letters in a description by which HEPData takes a resource for something else, whatever its type says.
MISLEADING = ("HS3", "SimpleAnalysis")
#: Parts of a location that win over everything.
MISLEADING_LOCATIONS = ("github", "gitlab", "zenodo", "rivet", "madanalysis", "checkmate", "zenodo.org")


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence as HEPData has it."""

    name: str
    url: str
    description: str = ""

    def to_document(self) -> Json:
        """Its entry in submission.yaml."""
        entry = {"name": self.name, "url": self.url}
        return {**entry, "description": self.description} if self.description else entry


LICENCES = {
    "cc0": Licence(
        name="CC0 1.0 Universal",
        url="https://creativecommons.org/publicdomain/zero/1.0/",
        description="The likelihoods are in the public domain.",
    ),
    "cc-by-4.0": Licence(
        name="CC BY 4.0",
        url="https://creativecommons.org/licenses/by/4.0/",
        description="The likelihoods may be used and shared by anyone who gives credit.",
    ),
}


def licence_of(text: str) -> Licence:
    """A licence by its short name, or as ``NAME=URL``.

    Raises
    ------
    InputError
        It is neither.
    """
    if text.lower() in LICENCES:
        return LICENCES[text.lower()]
    name, separator, url = text.partition("=")
    if not separator or not name or not url.startswith("https://"):
        raise InputError(f"no licence {text!r}" + did_you_mean(text, LICENCES) + " (or NAME=https://...)")
    return Licence(name=name, url=url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file beside the tables: its name, content, a sentence on it, and HEPData's type where it has one."""

    name: str
    data: bytes = field(repr=False)
    description: str
    type: str = ""

    def __post_init__(self) -> None:
        if "/" in self.name or not self.name:
            raise InputError(f"{self.name!r} is no name of a resource: it has no folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a submission says besides its tables. Tables are meant by their names; an empty name means all.

    Attributes
    ----------
    title
        of the README.
    comment
        about the whole record.
    archive
        name of the file with the likelihoods.
    description
        of that file; by default one that names its content.
    licence
        of the archive and of every table.
    keywords
        for all tables: ``cmenergies`` in GeV, ``reactions``, ``phrases``, ``observables``.
    allow_private
        publish e-mail addresses, paths and hosts that stand in the files.
    labels
        how labels of patch sets, samples, and columns are called for people, with units in brackets at the end.
    locations
        where tables stand in the paper: ``Figure 6``.
    figures
        the pictures of tables; they get thumbnails.
    resources
        other files of the whole record.
    related_records, related_tables
        numbers of records of HEPData, and DOIs of tables by the names of ours.
    rounding
        ``"pdg"``: as the Particle Data Group rounds numbers with uncertainties; or so many digits.
    """

    title: str = "Likelihoods"
    comment: str = ""
    archive: str = "Likelihoods.tar.gz"
    description: str = ""
    licence: Licence = LICENCES["cc0"]
    keywords: Mapping[str, Sequence[int | float | str]] = field(default_factory=dict)
    allow_private: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Resource] = field(default_factory=dict)
    resources: tuple[Resource, ...] = ()
    related_records: tuple[int, ...] = ()
    related_tables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rounding: int | Literal["pdg"] | None = None

    def __post_init__(self) -> None:
        if "/" in self.archive or not self.archive.endswith((".tar.gz", ".tgz")):
            raise InputError(f"{self.archive!r} is no name for the archive; it ends in .tar.gz and has no folder")
        bad = [w for w in MISLEADING_LOCATIONS if w in self.archive.lower()]
        if bad:
            raise InputError(f"HEPData would take the archive {self.archive!r} for another kind of resource ({bad[0]})")
        words = [w for w in MISLEADING if w.lower() in self.description.lower()]
        if words:
            raise InputError(f"with {words[0]!r} in its description HEPData does not take the archive for a likelihood")
        for problem in keyword_problems(self.keywords):
            raise InputError(problem)
        if self.rounding not in ("pdg", None) and not 1 <= int(self.rounding) <= _MOST_DIGITS:
            raise InputError(
                f"numbers are rounded to 1 to {_MOST_DIGITS} digits, or as 'pdg' does, not {self.rounding!r}"
            )
        for doi in (d for dois in self.related_tables.values() for d in dois):
            if not re.fullmatch(r"10\.17182/hepdata\.\d+\.v\d+/t\d+", doi):
                raise InputError(f"{doi!r} is no DOI of a table: expected 10.17182/hepdata.NUMBER.vN/tN")


_MOST_DIGITS = 6
_PARTICLE = r"[A-Z0-9<>(\[][A-Z0-9+*/<>()=_.,:'\[\]-]*"
_REACTION = re.compile(rf"{_PARTICLE}(?: {_PARTICLE})*(?: --> {_PARTICLE}(?: {_PARTICLE})*)+")
#: Several energies at once, as HEPData has them: ``7000.0-8000.0``.
_RANGE = re.compile(r"\d+(?:\.\d*)?-\d+(?:\.\d*)?")
#: Energies of colliders in TeV: such a number, read as GeV, was not meant.
_IN_TEV = (0.9, 1.8, 1.96, 2.36, 2.76, 5.02, 5.44, 7.0, 8.0, 8.16, 13.0, 13.6, 14.0, 100.0)


def keyword_problems(keywords: Mapping[str, Sequence[object]]) -> Iterator[str]:
    """What is wrong with energies and reactions: the first is in GeV, the second follows HEPData's grammar."""
    for energy in keywords.get("cmenergies", ()):
        if isinstance(energy, str) and _RANGE.fullmatch(energy):
            continue
        if isinstance(energy, bool) or not isinstance(energy, int | float) or not 0.0 < energy < inf:
            yield f"{energy!r} is no energy: expected GeV above zero, like 13000"
        elif energy in _IN_TEV:
            yield f"energies are in GeV: is {energy:g} meant to be {energy:g} TeV? Then write {1000 * energy:g}"
    for reaction in keywords.get("reactions", ()):
        if not _REACTION.fullmatch(str(reaction)):
            yield (
                f"{reaction!r} is no reaction: expected particles in capital letters and an arrow, each between "
                "single spaces, like 'P P --> CHARGINO NEUTRALINO'"
            )


def hs3_file(region: str, workspace: str) -> str:
    """The file in HS3 of a region's workspace, which the archive has as JSON: it lies beside the archive."""
    name = f"{PurePosixPath(workspace).name.partition('.')[0]}.hs3.json"
    return f"{region}_{name}" if region else name


def submission_documents(record: Record, regions: Sequence[Region], tables: Sequence[Table]) -> list[Json]:
    """The YAML documents: first the record, then a document for each table."""
    licence = record.licence.to_document()
    archive: Json = {
        "location": record.archive,
        "description": record.description or resource_description(regions),
        "type": RESOURCE_TYPE,
        "license": licence,
    }
    others = [
        {
            "location": r.name,
            "description": r.description,
            **({"type": r.type} if r.type else {}),
            "license": licence,
        }
        for r in record.resources
    ]
    first: Json = {"additional_resources": [archive, *others]}
    notes = [f"{f'{r.name}: ' if r.name else ''}{note}" for r in regions for note in r.notes]
    told = f"The models were translated to this format; what that changed: {'; '.join(notes)}" if notes else ""
    if comment := " ".join(filter(None, (record.comment, told))):
        first["comment"] = comment
    if record.related_records:
        first["related_to_hepdata_records"] = list(record.related_records)
    named: Mapping[str, object] = {**record.locations, **record.figures, **record.related_tables}
    for name in named:
        if name and all(name != t.name for t in tables):
            raise InputError(f"there is no table {name!r}" + did_you_mean(name, [t.name for t in tables]))
    return [first, *(_table(t, record) for t in tables)]


def _table(table: Table, record: Record) -> Json:
    figure = record.figures.get(table.name)
    optional: Json = {
        "location": record.locations.get(table.name, record.locations.get("")),
        "description": table.description,
        "keywords": [{"name": name, "values": list(values)} for name, values in table.keywords.items() if values],
        "data_file": table.file,
        "data_license": record.licence.to_document(),
        "additional_resources": figure
        and [
            {"location": figure.name, "description": figure.description or "Image file"},
            {"location": thumbnail_name(figure.name), "description": "Thumbnail image file"},
        ],
        "related_to_table_dois": list(record.related_tables.get(table.name, ())),
    }
    always = ("description", "keywords")
    return {"name": table.name, **{key: value for key, value in optional.items() if value or key in always}}


def thumbnail_name(name: str) -> str:
    """The name of the small picture of a picture."""
    return f"thumb_{name.rpartition('.')[0]}.png"


def resource_description(regions: Sequence[Region]) -> str:
    """A sentence on what the archive holds and how its signals are named."""
    text = "Archive of full likelihoods in the HistFactory JSON format described in ATL-PHYS-PUB-2019-029"
    if any(r.name for r in regions):
        text += f", with a folder for each of the regions {', '.join(r.name for r in regions)}"
    first = regions[0]
    text += f". {first.file} is the workspace" + (" with its signal" if first.is_full else "")
    patched = next((r for r in regions if r.patchsets), None)
    if patched is not None:
        text += " without signal" if patched is first else ""
        for file, patches in patched.patchsets.items():
            one = patches.patches[0]
            pairs = zip(patches.labels, one.values, strict=True)
            point = ", ".join(terminal(f"{label} = {value}") for label, value in pairs)
            text += f", {file} holds a JSON patch for each signal; the patch {one.name} is that of {point}"
    return text + ". README.md tells more."
