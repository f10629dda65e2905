"""The submission.yaml of a record: the likelihood as resource of the whole record, and its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

from hftranslate.display import terminal
from hftranslate.errors import InputError, did_you_mean
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.tables import Table

Json: TypeAlias = dict[str, Any]

#: The type that makes a resource a likelihood; words in its description no longer do (since October 2025).
RESOURCE_TYPE = "HistFactory"
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
class Record:
    """What a submission says besides its tables.

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
    keywords
        for all tables: ``cmenergies`` in GeV, ``reactions``, ``phrases``, ``observables``.
    allow_private
        publish e-mail addresses, paths and hosts that stand in the files.
    """

    title: str = "Likelihoods"
    comment: str = ""
    archive: str = "Likelihoods.tar.gz"
    description: str = ""
    licence: Licence = LICENCES["cc0"]
    keywords: Mapping[str, Sequence[int | float | str]] = field(default_factory=dict)
    allow_private: bool = False

    def __post_init__(self) -> None:
        if "/" in self.archive or not self.archive.endswith((".tar.gz", ".tgz")):
            raise InputError(f"{self.archive!r} is no name for the archive; it ends in .tar.gz and has no folder")
        bad = [w for w in MISLEADING_LOCATIONS if w in self.archive.lower()]
        if bad:
            raise InputError(f"HEPData would take the archive {self.archive!r} for another kind of resource ({bad[0]})")
        for energy in self.keywords.get("cmenergies", ()):
            if not isinstance(energy, int | float) or not 0.0 < energy < inf:
                raise InputError(f"{energy!r} is no energy: expected GeV above zero, like 13000")
        words = [w for w in MISLEADING if w.lower() in self.description.lower()]
        if words:
            raise InputError(f"with {words[0]!r} in its description HEPData does not take the archive for a likelihood")


def submission_documents(record: Record, regions: Sequence[Region], tables: Sequence[Table]) -> list[Json]:
    """The YAML documents: first the record, then a document for each table."""
    first: Json = {
        "additional_resources": [
            {
                "location": record.archive,
                "description": record.description or resource_description(regions),
                "type": RESOURCE_TYPE,
                "license": record.licence.to_document(),
            }
        ]
    }
    notes = [f"{f'{r.name}: ' if r.name else ''}{note}" for r in regions for note in r.notes]
    told = f"The models were translated to this format; what that changed: {'; '.join(notes)}" if notes else ""
    if comment := " ".join(filter(None, (record.comment, told))):
        first["comment"] = comment
    return [first, *(_table(t) for t in tables)]


def _table(table: Table) -> Json:
    return {
        "name": table.name,
        "description": table.description,
        "keywords": [{"name": name, "values": list(values)} for name, values in table.keywords.items() if values],
        "data_file": table.file,
    }


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
