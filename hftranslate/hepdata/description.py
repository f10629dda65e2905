"""A submission described once, in ``submission.toml``: what the options of the command say, in a file that stays."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from hftranslate.errors import FormatError, InputError, did_you_mean
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.hepdata.bundle import MoreTables
from hftranslate.hepdata.paper_tables import cross_sections, csv_table
from hftranslate.hepdata.regions import Region, read_region
from hftranslate.hepdata.submission import LICENCES, Record, Resource, licence_of
from hftranslate.signal_grid.scan import scan_from_document
from hftranslate.workspace.map import signal_samples

Json: TypeAlias = dict[str, Any]

#: What a description may say, and the kind of it.
_TEXT, _TEXTS, _TABLE, _LIST, _YES = str, [str], dict, [dict], bool
KEYS: Mapping[str, Any] = {
    **dict.fromkeys(("title", "comment", "archive", "description", "licence", "measurement"), _TEXT),
    **dict.fromkeys(("reactions", "phrases", "observables"), _TEXTS),
    **dict.fromkeys(("labels", "locations", "figures", "related_tables", "regions"), _TABLE),
    **dict.fromkeys(("tables", "resources"), _LIST),
    **dict.fromkeys(("yields", "signal_yields", "contours", "correlations", "allow_private"), _YES),
    "energies": [float],
    "related_records": [int],
    "rounding": object,
}
_REGION = {"workspace": _TEXT, "patchsets": _TEXTS, "scans": _TEXTS, "cross_sections": _TEXT}
_RESOURCE = {"file": _TEXT, "description": _TEXT, "type": _TEXT}
_CSV = {"name": _TEXT, "file": _TEXT, "description": _TEXT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What :func:`hftranslate.hepdata.make_bundle` takes."""

    regions: tuple[Region, ...]
    record: Record
    yields: bool
    measurement: str | None
    more: MoreTables


def read_description(path: str | Path) -> Json:
    """A description from a TOML file, with its paths below the folder of the file.

    Parameters
    ----------
    path
        the TOML file (``docs/hepdata.md`` has its keys).

    Returns
    -------
    dict
        what it says, with absolute paths.

    Raises
    ------
    FormatError
        It is no TOML, or says what no description says.
    """
    try:
        described = tomllib.loads(read_bytes(path).decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FormatError(f"{path} is no TOML: {error}") from None
    _check(described, KEYS, str(path))
    folder = Path(path).parent
    for name, region in described.get("regions", {}).items():
        _check(region, _REGION, f"{path}, regions.{name}")
        for key, value in region.items():
            region[key] = [str(folder / v) for v in value] if isinstance(value, list) else str(folder / value)
    for kind, keys in (("resources", _RESOURCE), ("tables", _CSV)):
        for entry in described.get(kind, ()):
            _check(entry, keys, f"{path}, {kind}", needs=set(keys) - {"description", "type"})
            entry["file"] = str(folder / entry["file"])
    if "figures" in described:
        described["figures"] = {name: str(folder / file) for name, file in described["figures"].items()}
    return described


def _check(described: object, keys: Mapping[str, Any], where: str, needs: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """That a table says what it may say, in the right form."""
    if not isinstance(described, dict):
        raise FormatError(f"{where}: found {described!r:.40}, expected a table")
    for key, value in described.items():
        if key not in keys:
            raise FormatError(f"{where}: there is no {key!r}" + did_you_mean(key, keys))
        kind = keys[key]
        values, one = (value, kind[0]) if isinstance(kind, list) else ([value], kind)
        wanted = (int, float) if one is float else one
        if not isinstance(values, list) or not all(isinstance(v, wanted) for v in values):
            words = f"a list of {one.__name__}" if isinstance(kind, list) else one.__name__
            raise FormatError(f"{where}: {key} is {value!r:.40}, expected {words}")
    if missing := sorted(needs - set(described)):
        raise FormatError(f"{where}: {missing[0]!r} is missing")


#: What HEPData takes where nothing is said, and what has to be said of it then.
DEFAULT_LICENCE = "cc0"
UNSAID_LICENCE = (
    "no licence is said, so that it is published under CC0, HEPData's default, which gives up all rights: --licence "
    f"{', '.join(LICENCES)}, or NAME=https://... chooses"
)


def submission_of(described: Mapping[str, Any]) -> Submission:
    """Read everything that a description names.

    Parameters
    ----------
    described
        what :func:`read_description` read, or the same made in Python.

    Returns
    -------
    Submission
        the regions and the record, ready for :func:`~hftranslate.hepdata.make_bundle`.

    Raises
    ------
    InputError
        A file cannot be read, or nothing says which likelihoods.
    """
    if not described.get("regions"):
        raise InputError("a submission needs a workspace")
    regions = tuple(_region(name, r) for name, r in described["regions"].items())
    labels = [label for r in regions for p in r.patchsets.values() for label in p.labels]
    keywords = {"cmenergies": "energies", "reactions": "reactions", "phrases": "phrases", "observables": "observables"}
    plain = ("title", "comment", "archive", "description", "labels", "locations", "related_tables", "rounding")
    record = Record(
        licence=licence_of(described.get("licence") or DEFAULT_LICENCE),
        keywords={name: described.get(key, []) for name, key in keywords.items()},
        allow_private=described.get("allow_private", False),
        figures={
            t: _resource({"file": f, "description": "Image file"}) for t, f in described.get("figures", {}).items()
        },
        resources=tuple(map(_resource, described.get("resources", ()))),
        related_records=tuple(described.get("related_records", ())),
        **{key: described[key] for key in plain if key in described},
    )
    ready = (
        csv_table(t["name"], read_bytes(t["file"]), t["file"], labels, t.get("description", ""))
        for t in described.get("tables", ())
    )
    wanted = {key: described.get(key, False) for key in ("signal_yields", "contours", "correlations")}
    return Submission(
        regions=regions,
        record=record,
        yields=described.get("yields", True),
        measurement=described.get("measurement"),
        more=MoreTables(ready=tuple(ready), **wanted),
    )


def _region(name: str, files: Mapping[str, Any]) -> Region:
    if "workspace" not in files:
        raise InputError(f"region {name!r} has no workspace")
    scans = tuple(scan_from_document(parse_json(read_bytes(s), s), s) for s in files.get("scans", ()))
    region = read_region(name, files["workspace"], files.get("patchsets", ()), scans)
    if "cross_sections" not in files:
        return region
    source = files["cross_sections"]
    labels = next((p.labels for p in region.patchsets.values()), ())
    return replace(region, cross_sections=cross_sections(read_bytes(source), source, labels))


def _resource(entry: Mapping[str, str]) -> Resource:
    path = Path(entry["file"])
    try:
        data = path.read_bytes()  # as it is: gzip is not undone
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return Resource(
        name=path.name, data=data, description=entry.get("description", path.name), type=entry.get("type", "")
    )


# ------------------------------------------------------------------------------------------------------------- template
def description_text(workspace: str, patchsets: Sequence[str], region: Region) -> str:
    """A commented ``submission.toml`` for a likelihood: what is known is filled in, what is asked for stands there."""
    labels = dict.fromkeys(label for p in region.patchsets.values() for label in p.labels)
    backgrounds = dict.fromkeys(s.name for c in region.workspace.channels for s in c.samples)
    signals = {s.name for _, s in signal_samples(region.workspace)}
    return f"""# The description of a submission to HEPData: hftranslate hepdata bundle DIR --submission submission.toml
title = "Likelihoods"           # of the README
comment = ""                    # about the whole record
# licence = "cc0"               # cc0, cc-by-4.0, or NAME=https://...; cc0 if nothing is said
energies = []                   # of the collisions in GeV: [13000]
reactions = []                  # particles in capital letters: ["P P --> CHARGINO NEUTRALINO"]
phrases = []                    # ["Supersymmetry"]
# rounding = "pdg"              # or a number of digits; as computed (six digits) by default
# signal_yields = true          # a table of the events of every signal in each channel
# contours = true               # tables of the exclusion contours of scans
# correlations = true           # the correlation matrix of the fit without signal
# related_records = []          # numbers of other records of HEPData

[regions.""]                    # the only one; or one for each likelihood: [regions.SRA]
workspace = {_quoted(workspace)}
patchsets = [{", ".join(map(_quoted, patchsets))}]
scans = []                      # results: hftranslate patchset scan {Path(workspace).name} PATCHSET -o scan.json
# cross_sections = "xsec.csv"   # columns of all labels, and one like "cross section [fb]": for limits in fb

[labels]                        # names for people, with units in brackets
{chr(10).join(f"# {_quoted(a)} = {_quoted(a + ' [GeV]')}" for a in labels)}
{chr(10).join(f"# {_quoted(a)} = {_quoted(a)}" for a in backgrounds if a not in signals)}

[locations]                     # of tables in the paper
# "CLs" = "Figure 6"
# "Yields" = "Table 3"

[figures]                       # pictures of tables; thumbnails are made
# "CLs" = "figure6.png"

# [[tables]]                    # any table: cutflow, acceptance, efficiency
# name = "Cutflow"
# file = "cutflow.csv"

# [[resources]]                 # other files: SLHA, SimpleAnalysis, efficiencies, HS3
# file = "signal.slha"
# description = "SLHA file of a signal"
"""


def _quoted(text: str) -> str:
    """A text as a string of TOML."""
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else f"\\{c}" if c in '"\\' else c for c in text
    )
    return f'"{escaped}"'
