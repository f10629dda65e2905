"""What real ROOT says about a model of one's own, as a result document.

    python of_file.py --kind xml CONFIG.xml --basedir DIR -o OUT.json          described through the HistFactory classes
    python of_file.py --kind pyhf-json WORKSPACE.json -o OUT.json              likewise
    python of_file.py --kind hs3 MODEL.hs3.json -o OUT.json                    as ROOT's importer of HS3 reads it
    python of_file.py --kind workspace COMBINED.root -o OUT.json               a workspace that hist2workspace made

Runs in a Python with ROOT and needs nothing else; never imports hftranslate.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_started = time.monotonic()


def progress(message: str) -> None:
    print(f"[{time.monotonic() - _started:7.1f} s] {message}", file=sys.stderr, flush=True)


def describe(options: argparse.Namespace) -> Any:
    """Describe the model to ROOT, or find it in a file."""
    if options.kind == "xml":
        from from_xml import read_xml

        with chdir(options.basedir):
            return read_xml(str(options.file), options.measurement, old=True)
    if options.kind == "pyhf-json":
        from from_json import describe_json

        data = options.file.read_bytes()
        document = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        return describe_json(document, options.measurement)
    from models import Reparametrised, finished, imported

    if options.kind == "hs3":
        return imported(options.file)
    lumi = options.lumi_function
    scale = (Reparametrised(name="alpha_lumi", parameter="Lumi", offset=lumi[0], scale=lumi[1]),) if lumi else ()
    return finished(options.file, scale)


def options_of_a_model() -> argparse.ArgumentParser:
    """The options that say which model it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--kind", choices=["xml", "pyhf-json", "hs3", "workspace"], required=True)
    parser.add_argument("--basedir", type=Path, default=Path(), help="what paths in XML are relative to")
    parser.add_argument("--measurement")
    parser.add_argument("--name", help="of the measurement, in a finished workspace")
    parser.add_argument(
        "--lumi-function", type=float, nargs=2, metavar=("L", "S"), help="in a finished workspace: L + S alpha_lumi"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    parser = options_of_a_model()
    parser.add_argument("--inputs", type=Path, nargs="*", default=[], help="files to name in the provenance")
    parser.add_argument("--note", action="append", default=[], help="for the provenance")
    parser.add_argument("-o", "--output-file", type=Path, required=True)
    options = parser.parse_args(arguments)
    from assemble import result_document
    from documents import checksum, to_text
    from evaluation import RootModel
    from quiet import ROOT

    description = describe(options)
    with chdir(options.basedir):
        model = RootModel(description)
    provenance = {
        "engine": "ROOT",
        "version": str(ROOT.gROOT.GetVersion()),
        "command": "hftranslate crosscheck --with-root",
        "date": datetime.now(UTC).date().isoformat(),
        "inputs": [{"path": str(p), "sha256": checksum(p)} for p in options.inputs or [options.file]],
        "notes": [*description.notes, *options.note],
    }
    document = result_document(options.file.stem, description, model, {}, provenance, progress)
    if options.name is not None:
        document["measurement"] = options.name
    options.output_file.write_text(to_text(document), encoding="utf-8")
    return 0


def saying(run: Callable[[], int]) -> int:
    """The exit code of a program; a line where a model cannot be described to ROOT."""
    try:
        return run()
    except Exception as error:
        from models import ModelError

        if not isinstance(error, ModelError):
            raise
        print(f"it cannot be described to ROOT: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(saying(main))
