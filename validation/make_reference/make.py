"""Makes the reference outputs: what real ROOT says about the validation cases.

    python validation/make_reference/make.py [CASE ...]

Without arguments, makes the references that are missing or whose inputs have changed; named cases are always made.
Numbers that changed against the existing reference are listed on standard error. Needs ROOT (``pip install ROOT``),
and ``jsonpatch`` for cases with a patch; never imports hftranslate.
"""

import argparse
import gzip
import json
import sys
import time
import tomllib
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, datetime
from os.path import relpath
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
CASES = REPOSITORY / "validation" / "cases.toml"

Json = dict[str, Any]

#: Said in every reference.
NOTES = (
    "fits by Minuit2 with strategy 2 and tolerance 1e-8; asymptotic formulae evaluated from these fits",
    "RooStats' AsymptoticCalculator forces a tolerance of 1, which leaves errors up to 1e-3 on CLs",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One table of ``cases.toml``; paths are absolute here."""

    name: str
    kind: str
    input: Path
    patch: Path | None
    measurement: str
    test_pois: tuple[float, ...]
    reference: Path
    shared: bool

    def files(self) -> list[Path]:
        """All files that make up the input."""
        if self.kind == "pyhf-json":
            return [self.input, *([self.patch] if self.patch else [])]
        companions = [*self.input.parent.glob("*.xml"), *self.input.parent.glob("*.root")]
        return [self.input, *sorted(p for p in companions if p != self.input)]


def read_cases(path: Path = CASES) -> dict[str, Case]:
    """All cases by name; paths in the file are relative to it."""
    folder = path.parent
    tables: Json = tomllib.loads(path.read_text(encoding="utf-8"))["cases"]
    return {
        name: Case(
            name=name,
            kind=table["kind"],
            input=(folder / table["input"]).resolve(),
            patch=(folder / table["patch"]).resolve() if "patch" in table else None,
            measurement=table["measurement"],
            test_pois=tuple(map(float, table["test_pois"])),
            reference=(folder / table["reference"]).resolve(),
            shared=table.get("shared", False),
        )
        for name, table in tables.items()
    }


def provenance_inputs(case: Case) -> list[Json]:
    """Paths relative to the repository, and checksums, of the input files."""
    from documents import checksum

    return [{"path": relpath(p, REPOSITORY), "sha256": checksum(p)} for p in case.files()]


def describe(case: Case) -> Any:
    """Describe the case to ROOT."""
    if case.kind == "xml":
        from from_xml import read_xml

        return read_xml(case.input.name, case.measurement)
    from from_json import describe_json

    document = _read_json(case.input)
    if case.patch is not None:
        import jsonpatch

        document = jsonpatch.apply_patch(document, _read_json(case.patch))
    return describe_json(document, case.measurement)


def _read_json(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def make_reference(case: Case) -> Json:
    """Everything ROOT says about a case, as a result document."""
    from assemble import result_document
    from evaluation import RootModel

    with chdir(case.input.parent):  # ROOT resolves the paths in XML against the working directory
        description = describe(case)
        model = RootModel(description)
    return result_document(case.name, description, model, case.test_pois, provenance(case, description.notes), progress)


def provenance(case: Case, notes: Sequence[str]) -> Json:
    """Who says so, and how it was done."""
    from quiet import ROOT

    return {
        "engine": "ROOT",
        "version": str(ROOT.gROOT.GetVersion()),
        "command": f"python validation/make_reference/make.py {case.name}",
        "date": datetime.now(UTC).date().isoformat(),
        "inputs": provenance_inputs(case),
        "notes": [*notes, *NOTES],
    }


_started = time.monotonic()


def progress(message: str) -> None:
    print(f"[{time.monotonic() - _started:7.1f} s] {message}", file=sys.stderr, flush=True)


def is_current(case: Case, target: Path) -> bool:
    """Whether a reference exists and was made from these very inputs."""
    if not target.is_file():
        return False
    stored: Json = json.loads(target.read_text(encoding="utf-8"))
    return bool(stored["provenance"]["inputs"] == provenance_inputs(case))


def save(document: Json, target: Path) -> None:
    """Write the document, unless the stored one says the same; list what changed."""
    from documents import differences, to_text

    if target.is_file():
        changes = list(differences(json.loads(target.read_text(encoding="utf-8")), document))
        if not changes:
            progress(f"  {target.name}: all numbers as stored; left as it is")
            return
        for line in changes[:40]:
            progress(f"  {line}")
        if len(changes) > 40:
            progress(f"  ... and {len(changes) - 40} more")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(to_text(document), encoding="utf-8")
    partial.replace(target)
    progress(f"  wrote {relpath(target)}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help="names in validation/cases.toml (default: what is due)"
    )
    parser.add_argument("--output-dir", type=Path, help="write here instead of reference_outputs/")
    options = parser.parse_args(arguments)
    cases = read_cases()
    unknown = [name for name in options.cases if name not in cases]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(cases)}")
    for name in options.cases or cases:
        case = cases[name]
        target = options.output_dir / case.reference.name if options.output_dir else case.reference
        if not case.input.is_file():
            progress(f"{name}: skipped, {relpath(case.input)} is not there")
        elif not options.cases and is_current(case, target):
            progress(f"{name}: up to date")
        else:
            progress(f"{name}: making")
            save(make_reference(case), target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
