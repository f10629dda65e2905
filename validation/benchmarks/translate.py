"""Time and memory of json2xml and xml2json against pyhf's, in one run; see README.md in this folder."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from big_model import big_model, n_histograms
from provenance import provenance
from speed import ENVIRONMENT, install

HERE = Path(__file__).resolve().parent
Json = dict[str, Any]
TOOLS = ("ours", "pyhf")
PROGRAMS = {"ours": "hftranslate", "pyhf": "pyhf"}
#: What each row of the table measures: direction, and who wrote the XML that is read.
JOBS = (("json2xml", ""), ("xml2json", "ours"), ("xml2json", "pyhf"))


def run(command: list[str]) -> Json:
    """Run a process: its seconds by the clock, its peak memory in MB, and what it printed."""
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = datetime.now(UTC)
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = (datetime.now(UTC) - start).total_seconds()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read()[-2000:]}")
        return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024.0} | {
            "printed": output.read()
        }


def as_process(tool: str, direction: str, source: Path, target: Path) -> Json:
    program = str(ENVIRONMENT / "bin" / PROGRAMS[tool])
    if direction == "json2xml":
        arguments = ["json2xml", str(source), "--output-dir", str(target)]
    else:
        arguments = ["xml2json", str(source), "--basedir", str(source.parent), "--hide-progress"]
        arguments += ["--output-file", str(target / "workspace.json")]
    return run([program, *arguments])


def as_library(tool: str, direction: str, source: Path, target: Path) -> Json:
    python = str(ENVIRONMENT / "bin" / "python")
    result = run([python, str(HERE / "peers" / "translate_library.py"), tool, direction, str(source), str(target)])
    line = next(line for line in result["printed"].splitlines() if line.startswith("RESULT "))
    inside: Json = json.loads(line.removeprefix("RESULT "))
    return result | inside


def measure(n: int, repeat: int, folder: Path, tools: tuple[str, ...] = TOOLS) -> Json:
    """All jobs of the tools on one model, in turns, so that a disturbance of the machine hits all."""
    document = big_model(n)
    source = folder / "model.json"
    source.write_text(json.dumps(document, indent=4))
    xml = {tool: _folder(folder / f"xml-{tool}") / "FitConfig.xml" for tool in tools}
    jobs = [job for job in JOBS if job[1] in ("", *tools)]
    found: dict[tuple[str, str, str], list[Json]] = {}
    for _ in range(repeat):
        for direction, written_by in jobs:
            for tool in tools:
                origin = xml[written_by] if written_by else source
                target = xml[tool].parent if direction == "json2xml" else _folder(folder / f"json-{tool}")
                process = as_process(tool, direction, origin, target)
                library = as_library(tool, direction, origin, target)
                both = {"process": process["seconds"], "cpu": process["cpu"], "library": library["seconds"]}
                found.setdefault((direction, written_by, tool), []).append(both | {"mb": process["mb"]})
                by = f" of XML by {written_by}" if written_by else ""
                told = f"{process['cpu']:.2f} s of processor time, {process['seconds']:.2f} s by the clock"
                print(f"{n} histograms, {direction}{by}, {tool}: {told}", file=sys.stderr, flush=True)
    rows = []
    for direction, written_by in jobs:
        row: Json = {"direction": direction, "xml": written_by}
        for tool in tools:
            runs = found[direction, written_by, tool]
            row[tool] = {quantity: round(median(r[quantity] for r in runs), 3) for quantity in runs[0]}
        rows.append(row)
    return {
        "histograms": n_histograms(document),
        "channels": len(document["channels"]),
        **provenance(),
        "repeat": repeat,
        "rows": rows,
    }


def _folder(path: Path) -> Path:
    for below in ("config", "data"):
        (path / below).mkdir(parents=True, exist_ok=True)
    return path


def table(results: list[Json]) -> str:
    lines = [
        "| histograms | job | process: ours | pyhf | ratio | CPU: ours | pyhf | ratio | library: ours | pyhf | ratio "
        "| memory: ours | pyhf |",
        "|" + "---|" * 13,
    ]
    for result in results:
        for row in result["rows"]:
            job = row["direction"] + (f" (XML by {row['xml']})" if row["xml"] else "")
            cells = [str(result["histograms"]), job]
            for quantity in ("process", "cpu", "library"):
                own = row["ours"][quantity]
                other = row["pyhf"][quantity] if "pyhf" in row else None
                cells += [f"{own:.2f} s", *([f"{other:.1f} s", f"**{other / own:.1f}**"] if other else ["", ""])]
            cells += [f"{row[tool]['mb']:.0f} MB" if tool in row else "" for tool in TOOLS]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histograms", nargs="+", type=int, default=[9000, 20000])
    parser.add_argument("--repeat", nargs="+", type=int, default=[3, 1], help="times for each number of histograms")
    parser.add_argument("--ours-only", action="store_true", help="do not wait for pyhf, whose json2xml is quadratic")
    parser.add_argument("--no-store", dest="store", action="store_false", help="leave the stored results alone")
    options = parser.parse_args()
    if len(options.histograms) != len(options.repeat) or min(options.histograms + options.repeat) < 1:
        parser.error("--histograms and --repeat are as many numbers each, from one on")
    tools = TOOLS[:1] if options.ours_only else TOOLS
    if sorted(install(list(tools))) != sorted(tools):
        sys.exit("pyhf 0.7.6 is needed to compare with")
    stored = HERE / "translate.json"
    before = {r["histograms"]: r for r in json.loads(stored.read_text())["results"]} if stored.exists() else {}
    results: dict[int, Json] = {}
    for n, repeat in zip(options.histograms, options.repeat, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            result = measure(n, repeat, Path(folder), tools)
        results[result["histograms"]] = result
        if options.store:
            kept = before | results
            stored.write_text(json.dumps({"results": [kept[size] for size in sorted(kept)]}, indent=1) + "\n")
    print(table([results[size] for size in sorted(results)]))


if __name__ == "__main__":
    main()
