"""Time hftranslate against its peers on published models, in one run; see README.md in this folder."""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from math import exp, log
from pathlib import Path
from typing import Any

import jsonpatch
from big_model import big_model
from provenance import provenance

import hftranslate as hft
from hftranslate.crosscheck.cases import data_cache
from hftranslate.translation.as_json import as_json

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BESIDE = REPOSITORY.parent / "shared" / "data"
SHARED = BESIDE if BESIDE.is_dir() else data_cache()
ENVIRONMENT = REPOSITORY / ".venv-bench"
Json = dict[str, Any]
QUANTITIES = ("hypotest", "fit", "logpdf", "build")

#: Model, workspace, and its patch: a file, or a patch set and the name of one of its patches.
MODELS: dict[str, tuple[str, str | None, str | None]] = {
    "RegionA": (
        "workspaces/ATLAS-SUSY-2018-31/RegionA/BkgOnly.json.gz",
        "patches/ATLAS-SUSY-2018-31/RegionA_sbottom_1200_1150_60.json",
        None,
    ),
    "RegionC": (
        "workspaces/ATLAS-SUSY-2018-31/RegionC/BkgOnly.json.gz",
        "patches/ATLAS-SUSY-2018-31/RegionC_sbottom_600_280_150.json",
        None,
    ),
    "staus": (
        "workspaces/ATLAS-SUSY-2018-04/Region-combined/BkgOnly.json.gz",
        "patchsets/ATLAS-SUSY-2018-04/Region-combined/patchset.json.gz",
        "DS_440_40_Staus",
    ),
    "1Lbb_650_0": (
        "workspaces/ATLAS-SUSY-2019-08/BkgOnly.json.gz",
        "patchsets/ATLAS-SUSY-2019-08/patchset.json.gz",
        "C1N2_Wh_hbb_650_0",
    ),
    "1Lbb_900_100": (
        "workspaces/ATLAS-SUSY-2019-08/BkgOnly.json.gz",
        "patchsets/ATLAS-SUSY-2019-08/patchset.json.gz",
        "C1N2_Wh_hbb_900_100",
    ),
    "2l2j": (
        "workspaces/ATLAS-SUSY-2018-05/ewk_BkgOnly.json.gz",
        "patches/ATLAS-SUSY-2018-05/ewk_SYNTHETIC.json",
        None,
    ),
    "EWKinos": (
        "workspaces/ATLAS-SUSY-2018-16/EWKinos_BkgOnly_SR2l.json.gz",
        "patches/ATLAS-SUSY-2018-16/EWKinos_SYNTHETIC.json",
        None,
    ),
    "ttbar": ("workspaces/ATLAS-TOPQ-ttbar-ljets/ttbar_ljets_xsec_inclusive_pruned.json.gz", None, None),
}
#: Models that every clone has: the demonstration, and made-up ones of so many histograms.
OWN: dict[str, int | None] = {"demo": None, "made up, 5 channels": 1000, "made up, 44 channels": 9064}
#: Engine, its script, and what to install for it.
ENGINES: dict[str, tuple[str, list[str]]] = {
    "ours": ("ours.py", ["-e", str(REPOSITORY)]),
    "pyhf": ("pyhf_numpy.py", ["pyhf==0.7.6"]),
    "pyhf-JAX": ("pyhf_jax.py", ["pyhf==0.7.6", "jax"]),
    "ROOT": ("root_cpu.py", ["ROOT>=0.1a12", "numpy"]),
    "NextStat": ("nextstat_rust.py", ["nextstat>=0.10"]),
}


def read(path: str) -> Any:
    data = (SHARED / path).read_bytes()
    return json.loads(gzip.decompress(data) if path.endswith(".gz") else data)


def workspace(model: str) -> Json:
    if model in OWN:
        histograms = OWN[model]
        if histograms is not None:
            made_up: Json = big_model(histograms)
            return made_up
        document: Json = as_json(hft.read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml")).document
        return document
    base, patch, entry = MODELS[model]
    base_document: Json = read(base)
    if patch is None:
        return base_document
    operations = read(patch)
    if entry is not None:
        operations = next(p["patch"] for p in operations["patches"] if p["metadata"]["name"] == entry)
    patched: Json = jsonpatch.apply_patch(base_document, operations)
    return patched


def install(engines: list[str]) -> list[str]:
    """Install the engines into the environment of the benchmark; those that cannot be are left out, with a note."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    installed = []
    for engine in engines:
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *ENGINES[engine][1]]
        if subprocess.run(command, check=False).returncode == 0:
            installed.append(engine)
        else:
            print(f"{engine} cannot be installed here: skipped", file=sys.stderr)
    return installed


def measure(engine: str, path: Path, repeat: int, timeout: float) -> Json:
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "RAYON")}
    environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    script = HERE / "peers" / ENGINES[engine][0]
    command = [str(ENVIRONMENT / "bin" / "python"), str(script), str(path), str(repeat)]
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {timeout:g} s"}
    for line in run.stdout.splitlines():
        if line.startswith("RESULT "):
            result: Json = json.loads(line.removeprefix("RESULT "), parse_constant=lambda _: None)
            if result.get("cls_obs") is None:  # an answer that is not a number is no answer, however quick
                result["hypotest"] = None
            return result
    return {"error": (run.stderr.strip().splitlines() or ["no result"])[-1][:300]}


def table(results: dict[str, dict[str, Json]], quantity: str) -> str:
    peers = [e for e in ENGINES if e != "ours" and any(e in r for r in results.values())]
    width = max(map(len, (*results, "geometric mean"))) + 1
    lines = [f"{quantity:<{width}}" + f"{'ours':>10}" + "".join(f"{p:>11}{'ratio':>9}" for p in peers)]
    ratios: dict[str, list[float]] = {p: [] for p in peers}
    for model, engines in results.items():
        own = engines.get("ours", {}).get(quantity)
        line = f"{model:<{width}}" + (f"{own * 1e3:>8.2f}ms" if own else f"{'-':>10}")
        for p in peers:
            other = engines.get(p, {}).get(quantity)
            if own and other:
                ratios[p].append(other / own)
                line += f"{other * 1e3:>9.1f}ms{other / own:>8.1f}x"
            else:
                line += f"{'-':>11}{'-':>9}"
        lines.append(line)
    means = {p: exp(sum(map(log, r)) / len(r)) if r else None for p, r in ratios.items()}
    worst = {p: min(r) if r else None for p, r in ratios.items()}
    for name, of_peers in (("geometric mean", means), ("worst", worst)):
        cells = (f"{'':>11}{r:>8.1f}x" if r else f"{'-':>20}" for r in of_peers.values())
        lines.append(f"{name:<{width + 10}}" + "".join(cells))
    return "\n".join(lines)


def told(result: Json) -> str:
    """A line about what was measured, in milliseconds."""
    times = {q: result[q] for q in QUANTITIES if result.get(q)}
    error: str = result.get("error", "no result")
    return ", ".join(f"{q} {1e3 * seconds:.3g} ms" for q, seconds in times.items()) or error


def whole_processes(path: Path, engines: list[str], repeat: int) -> dict[str, float]:
    """Seconds that ``cls FILE`` takes from start to end, the median, for those that have such a command."""
    commands = {"ours": "hftranslate", "pyhf": "pyhf"}
    medians = {}
    for engine in engines:
        if engine not in commands:
            continue
        times = []
        for _ in range(repeat + 1):
            start = time.perf_counter()
            subprocess.run([ENVIRONMENT / "bin" / commands[engine], "cls", path], capture_output=True, check=True)
            times.append(time.perf_counter() - start)
        medians[engine] = statistics.median(times[1:])  # the first fills the caches of the file system
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=[*MODELS, *OWN], default=[*MODELS, *OWN])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-store", dest="store", action="store_false", help="leave the stored results alone")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for one engine and model")
    options = parser.parse_args()
    absent = [
        name
        for name in options.models
        if name in MODELS and not all((SHARED / path).is_file() for path in MODELS[name][:2] if path)
    ]
    options.models = [name for name in options.models if name not in absent]
    if absent:
        where = f"not in {SHARED}; make data fetches what is public"
        print(f"left out, because their files are {where}: {', '.join(absent)}", file=sys.stderr)
    engines = install(options.engines)
    as_process = next((name for name in ("RegionA", "demo") if name in options.models), None)
    results: dict[str, dict[str, Json]] = {}
    processes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            path = Path(folder) / f"{model}.json"
            path.write_text(json.dumps(workspace(model)))
            results[model] = {}
            for engine in engines:
                results[model][engine] = measure(engine, path, options.repeat, options.timeout)
                print(f"{model}, {engine}: {told(results[model][engine])}", file=sys.stderr, flush=True)
            if model == as_process:
                processes = whole_processes(path, engines, 3)
    for quantity in QUANTITIES:
        print(table(results, quantity) + "\n")
    if processes:
        print(f"cls of {as_process} as a process: " + ", ".join(f"{e} {t:.2f} s" for e, t in processes.items()))
    toys = {m: r["ours"]["toys_per_second"] for m, r in results.items() if r.get("ours", {}).get("toys_per_second")}
    if toys:
        print("toys fitted per second, conditional and free: " + ", ".join(f"{m} {n:.0f}" for m, n in toys.items()))
    document = {
        **provenance(),
        "repeat": options.repeat,
        "results": results,
        f"cls_of_{as_process}_as_a_process": processes,
    }
    if options.store:
        (HERE / "speed.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
