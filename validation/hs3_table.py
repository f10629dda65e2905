"""Who reads which HS3 document rightly: ROOT, pyhs3, NextStat and hftranslate, as a table for docs/hs3.md.

    python validation/hs3_table.py [--root PYTHON] [--peers PYTHON] [-o docs/hs3_table.md]

Documents are those that ROOT 6.40 exported, of ``tests/data/hs3`` and of ``../shared/data`` where that is there; each
is judged against the XML that it was made from, at points within its ranges: the NLL, relative to its first point.
``--root`` is a Python with ROOT (default: $ROOT_PYTHON), ``--peers`` one with pyhs3 and nextstat; who is not there has
no column.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"
POINTS, TOLERANCE = 12, 1e-9
#: So long a peer may take for one document, in seconds.
PATIENCE = 120


def documents() -> Iterator[tuple[str, Path, Path, Path]]:
    """Label, document, driver of the original, and what paths in that are relative to."""
    for path in sorted((HERE.parent / "tests" / "data" / "hs3").glob("*.json")):
        driver = HERE / "cases" / path.stem / "model.xml"
        yield path.stem, path, driver, driver.parent
    for path in sorted(SHARED.glob("hs3_root_exports/*.json")):
        driver = SHARED / "root_models" / path.name.split(".")[0] / "top.xml"
        if driver.is_file():
            yield path.name.split(".")[0], path, driver, driver.parent
    if (SHARED / "cases.json").is_file():
        for entry in json.loads((SHARED / "cases.json").read_text(encoding="utf-8"))["xml"]:
            base, driver = SHARED / entry["dir"], entry["driver"]
            label = f"{base.name}__{driver.replace('/', '_').removesuffix('.xml')}"
            for path in SHARED.glob(f"hs3/root640_from_xml/{label}.json*"):
                yield label, path, base / driver, base


def jobs() -> list[dict[str, Any]]:
    """The documents with points, and the NLL that the original has there."""
    import numpy as np

    from hftranslate.formats.histfactory_xml import XmlOptions
    from hftranslate.likelihood.compile import compile_model
    from hftranslate.translation.load import load

    found = []
    for label, path, driver, base in documents():
        workspace = load(driver, xml=XmlOptions(basedir=base)).workspace
        model, data = compile_model(workspace)
        p, rng = model.parameters, np.random.default_rng(1)
        points, nlls = [], []
        for i in range(POINTS):
            width = np.where(p.width > 0.0, p.width, 0.3) * (i > 0) * ~p.fixed
            theta = np.clip(p.init + width * rng.normal(size=len(p)), p.bounds[:, 0], p.bounds[:, 1])
            points.append({"values": dict(zip(p.root_names, map(float, theta), strict=True))})
            nlls.append(model.nll(theta, data))
        text = path.read_bytes()
        text = gzip.decompress(text) if path.suffix == ".gz" else text
        found.append({"label": label, "text": text.decode(), "points": points, "nll": nlls})
    return found


# ------------------------------------------------------------------------------------------------------------- readers
def hftranslate(text: str, points: Sequence[Mapping[str, Any]]) -> list[float]:
    """Our own NLL at the points."""
    import numpy as np

    from hftranslate.formats.hs3 import from_document
    from hftranslate.formats.json_text import parse_json
    from hftranslate.likelihood.compile import compile_model

    model, data = compile_model(from_document(parse_json(text.encode(), "HS3"))[0])
    start = dict(zip(model.parameters.root_names, model.parameters.init, strict=True))
    thetas = (np.array([point["values"].get(n, v) for n, v in start.items()]) for point in points)
    return [model.nll(theta, data) for theta in thetas]


def pyhs3(text: str, points: Sequence[Mapping[str, Any]]) -> list[float]:
    """That of pyhs3, of the analysis of the observed data."""
    import numpy as np
    import pyhs3 as package
    import pytensor
    from pytensor.graph.traversal import explicit_graph_inputs

    workspace = package.Workspace(**json.loads(text))
    analysis = next(a for a in workspace.analyses if a.name == _observed(text))
    model = workspace.model(analysis, progress=False, mode="FAST_COMPILE")
    inputs = list(explicit_graph_inputs([model.log_prob]))
    function = pytensor.function(inputs, model.log_prob, on_unused_input="ignore", mode="FAST_COMPILE")
    known = {
        p["name"]: p["value"] for point in json.loads(text)["parameter_points"] for p in point["parameters"]
    } | dict(model.data)
    values = [{**known, **point["values"]} for point in points]
    return [-float(np.sum(function(*[np.asarray(at[v.name], dtype=v.type.dtype) for v in inputs]))) for at in values]


def nextstat(text: str, points: Sequence[Mapping[str, Any]]) -> list[float]:
    """That of NextStat, of the analysis of the observed data; by itself it takes the first, that of the Asimov data."""
    import nextstat as package

    model = package.HistFactoryModel.from_hs3(text, _observed(text))
    names, init = model.parameter_names(), model.suggested_init()
    return [model.nll([point["values"].get(n, v) for n, v in zip(names, init, strict=True)]) for point in points]


def _observed(text: str) -> str:
    """The name of the first analysis that is not of Asimov data."""
    names = [analysis["name"] for analysis in json.loads(text)["analyses"]]
    return next((str(name) for name in names if "asimov" not in name), str(names[0]))


READERS = {"hftranslate": hftranslate, "pyhs3": pyhs3, "nextstat": nextstat}


def read_one(reader: str) -> int:
    """What a reader says of the job on standard input: a process for each, which may crash or take too long."""
    job = json.load(sys.stdin)
    print(json.dumps(READERS[reader](job["text"], job["points"])))
    return 0


def ask(reader: str, python: str, job: Mapping[str, Any]) -> list[float] | str:
    """The NLL at the points, or why there is none."""
    command = [python, str(Path(__file__)), "--reader", reader]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return "takes too long"
    if done.returncode != 0:
        return "refused" if done.returncode > 0 else "crashed"
    answer: list[float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def ask_root(python: str, all_jobs: Sequence[Mapping[str, Any]]) -> list[list[float] | str]:
    """What ROOT's importer makes of all documents."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        described = []
        for i, job in enumerate(all_jobs):
            (place / f"{i}.json").write_text(job["text"], encoding="utf-8")
            described.append({"file": str(place / f"{i}.json"), "points": job["points"]})
        (place / "jobs").write_text(json.dumps(described), encoding="utf-8")
        script = HERE / "make_reference" / "hs3_in_root.py"
        arguments = ["evaluate", str(place / "jobs"), "-o", str(place / "out")]
        subprocess.run([python, str(script), *arguments], check=True, capture_output=True)
        answers = json.loads((place / "out").read_text(encoding="utf-8"))
    return [
        "crashed" if "crashed" in a.get("error", "") else "refused" if "error" in a else [p["nll"] for p in a["points"]]
        for a in answers
    ]


def verdict(nlls: list[float] | str, expected: Sequence[float]) -> str:
    """Whether they are right, relative to the first point; else by how much they are wrong."""
    if isinstance(nlls, str):
        return nlls
    if any(n is None or not isfinite(n) for n in nlls):
        return "no value"
    worst = max(abs((n - nlls[0]) - (e - expected[0])) for n, e in zip(nlls, expected, strict=True))
    scale = max(1.0, *map(abs, expected))
    return "right" if worst <= TOLERANCE * scale else f"wrong by {worst:.2g}"


def version(python: str, package: str) -> str | None:
    """The version of a package that a Python has."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    if package == "ROOT":  # the wheel has a version of its own
        code = "import ROOT; print(ROOT.gROOT.GetVersion())"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", default=os.environ.get("ROOT_PYTHON"))
    parser.add_argument("--peers")
    parser.add_argument("--reader", choices=list(READERS), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if options.reader:
        return read_one(options.reader)
    all_jobs = jobs()
    columns: dict[str, list[str]] = {}
    ours = [ask("hftranslate", sys.executable, job) for job in all_jobs]
    columns["hftranslate"] = [verdict(a, job["nll"]) for a, job in zip(ours, all_jobs, strict=True)]
    if options.root:
        answers = ask_root(options.root, all_jobs)
        name = f"ROOT {version(options.root, 'ROOT') or ''}".strip()
        columns[name] = [verdict(a, job["nll"]) for a, job in zip(answers, all_jobs, strict=True)]
    for peer in ("pyhs3", "nextstat") if options.peers else ():
        found = version(options.peers, peer)
        if found is not None:
            columns[f"{peer} {found}"] = [verdict(ask(peer, options.peers, job), job["nll"]) for job in all_jobs]
    lines = [f"| document | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| `{job['label']}` | {' | '.join(column[i] for column in columns.values())} |"
        for i, job in enumerate(all_jobs)
    ]
    right = (f"{sum(v == 'right' for v in column)} of {len(all_jobs)}" for column in columns.values())
    text = "\n".join([*lines, f"| **right** | {' | '.join(right)} |"]) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
