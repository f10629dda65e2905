"""Makes the reference outputs: what real ROOT says about the validation cases.

    python validation/make_reference/make.py [CASE ...]

Without arguments, makes the references that are missing or whose inputs have changed; named cases are always made.
Each case runs in a process of its own, one after the other, so that an interrupted run goes on where it stopped and a
crash of ROOT costs one case. Numbers that changed against the existing reference are listed on standard error.
Needs ROOT (``pip install ROOT``), and ``jsonpatch`` for cases with a patch; never imports hftranslate.
"""

import argparse
import gzip
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
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
    "uncertainties as HESSE quotes them, and correlations, from second central differences of the NLL: HESSE's mixed "
    "derivatives are one-sided differences, which leave up to 0.01 on correlations",
    "RooStats' AsymptoticCalculator forces a tolerance of 1, which leaves errors up to 1e-3 on CLs",
)

#: ROOT's numbers of the interpolation codes, by modifier type and by the names that workspaces use.
INTERPOLATION_CODES = {
    "histosys": {"code0": 0, "code1": 1, "code2": 2, "code4p": 4, "code4": 5, "code6": 6},
    "normsys": {"code0": 0, "code1": 1, "code2": 2, "code4": 4},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One table of ``cases.toml``; paths are absolute here."""

    name: str
    kind: str
    input: Path
    basedir: Path
    patch: Path | None
    patch_name: str | None
    measurement: str
    interpolation: Json
    ranges: Json
    options: Json
    reference: Path

    def files(self) -> list[Path]:
        """All files that make up the input."""
        if self.kind == "pyhf-json":
            return [self.input, *([self.patch] if self.patch else [])]
        companions = [*self.basedir.rglob("*.xml"), *self.basedir.rglob("*.root")]
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
            basedir=(folder / table.get("basedir", Path(table["input"]).parent)).resolve(),
            patch=(folder / table["patch"]).resolve() if "patch" in table else None,
            patch_name=table.get("patch_name"),
            measurement=table["measurement"],
            interpolation=table.get("interpolation", {}),
            ranges=table.get("ranges", {}),
            options={key: table[key] for key in ("test_pois", "toys", "limit") if key in table},
            reference=(folder / table["reference"]).resolve(),
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

        description = read_xml(relpath(case.input, case.basedir), case.measurement, old=True)
    else:
        from from_json import describe_json

        description = describe_json(_patched(case), case.measurement)
    codes = {kind: INTERPOLATION_CODES[kind][code] for kind, code in case.interpolation.items()}
    notes = tuple(
        f"interpolation code {number} of all {kind} was set on the finished workspace" for kind, number in codes.items()
    )
    notes += tuple(f"the range of {name} was set to {list(ends)}" for name, ends in case.ranges.items())
    ranges = {**description.ranges, **{name: tuple(ends) for name, ends in case.ranges.items()}}
    return replace(description, interpolation=codes, ranges=ranges, notes=(*description.notes, *notes))


def _patched(case: Case) -> Any:
    document = _read_json(case.input)
    if case.patch is None:
        return document
    import jsonpatch

    patch = _read_json(case.patch)
    if case.patch_name is not None:
        patch = next(p["patch"] for p in patch["patches"] if p["metadata"]["name"] == case.patch_name)
    return jsonpatch.apply_patch(document, patch)


def _read_json(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def make_reference(case: Case) -> Json:
    """Everything ROOT says about a case, as a result document."""
    from assemble import result_document
    from evaluation import RootModel

    with chdir(case.basedir):  # ROOT resolves the paths in XML against the working directory
        description = describe(case)
        model = RootModel(description)
    return result_document(case.name, description, model, case.options, provenance(case, description.notes), progress)


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
    parser.add_argument("--all", action="store_true", help="make all references, also those that are up to date")
    parser.add_argument("--output-dir", type=Path, help="write here instead of reference_outputs/")
    parser.add_argument("--in-process", action="store_true", help="make the named cases in this process")
    options = parser.parse_args(arguments)
    cases = read_cases()
    unknown = [name for name in options.cases if name not in cases]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(cases)}")
    failed = []
    names = options.cases or list(cases)
    for number, name in enumerate(names, start=1):
        case = cases[name]
        target = options.output_dir / case.reference.name if options.output_dir else case.reference
        count = f"{name} ({number} of {len(names)})"
        if not case.input.is_file():
            progress(f"{count}: skipped, {relpath(case.input)} is not there")
        elif not (options.cases or options.all) and is_current(case, target):
            progress(f"{count}: up to date")
        elif options.in_process:
            save(make_reference(case), target)
        else:
            progress(f"{count}: making")
            if not _in_own_process(name, target):
                failed.append(name)
    if failed:
        progress(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _in_own_process(name: str, target: Path) -> bool:
    command = [sys.executable, __file__, name, "--in-process", "--output-dir", str(target.parent)]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
