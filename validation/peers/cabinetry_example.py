"""cabinetry's example configuration: its fit, ranking, limit, significance and goodness of fit beside ours.

``python -m validation.peers.cabinetry_example PYTHON FOLDER``: the interpreter of an environment that has cabinetry
(ours need not have it), and a source tree of cabinetry with ``config_example.yml`` and ``utils/create_ntuples.py``,
which stays outside this repository. cabinetry makes n-tuples, histograms and workspace of its example and evaluates
them; we read the same workspace. Printed are both numbers and their relative difference. MIGRAD is asked for a small
tolerance; with its own (a third argument, 0.1) fits stop at about a hundredth of a standard deviation from the minimum.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hftranslate as hft

CABINETRY = """
import json, logging, subprocess, sys
from pathlib import Path
import cabinetry, pyhf
logging.disable(logging.CRITICAL)
folder = Path(sys.argv[1])
subprocess.run([sys.executable, folder / "utils/create_ntuples.py", "--output_directory", "ntuples"], check=True)
config = cabinetry.configuration.load(folder / "config_example.yml")
cabinetry.templates.build(config, method="uproot")
cabinetry.templates.postprocess(config)
workspace = cabinetry.workspace.build(config)
cabinetry.workspace.save(workspace, "workspace.json")
model, data = cabinetry.model_utils.model_and_data(workspace)
how = {"strategy": 2, "tolerance": float(sys.argv[2])}
best = cabinetry.fit.fit(model, data, goodness_of_fit=True, **how)
ranking = cabinetry.fit.ranking(model, data, fit_results=best, **how)
limit = cabinetry.fit.limit(model, data, bracket=(0.1, 4.0), poi_tolerance=1e-6)
found = cabinetry.fit.significance(model, data)
poi = best.labels.index("Signal_norm")
rows = zip(ranking.labels, ranking.prefit_up, ranking.prefit_down, ranking.postfit_up, ranking.postfit_down)
print(json.dumps({
    "versions": {"cabinetry": cabinetry.__version__, "pyhf": pyhf.__version__},
    "fit": {n: [float(v), float(s)] for n, v, s in zip(best.labels, best.bestfit, best.uncertainty)},
    "twice NLL": float(best.best_twice_nll),
    "goodness of fit p": float(best.goodness_of_fit),
    "impacts": {row[0]: [float(v) for v in row[1:]] for row in rows},
    "limit": [float(limit.observed_limit), *map(float, limit.expected_limit)],
    "significance": [float(found.observed_significance), float(found.expected_significance)],
}))
"""

Row = tuple[str, float, float]


def asked(python: str, folder: Path, beside: Path, tolerance: str) -> dict[str, Any]:
    """What cabinetry says about its example; the workspace that it makes lies beside."""
    command = [python, "-W", "ignore", "-c", CABINETRY, str(folder.resolve()), tolerance]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=beside)
    if done.returncode:
        raise SystemExit(f"cabinetry failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compared(theirs: dict[str, Any], workspace: Path) -> list[Row]:
    """Names of quantities, cabinetry's numbers and ours of the same workspace."""
    model, data = hft.compile_model(hft.read(workspace))
    best, rows = hft.fit(model, data), []
    for name, (value, sigma) in theirs["fit"].items():
        if sigma > 0.0:
            rows += [(f"{name}", value, best[name]), (f"{name}, uncertainty", sigma, best.uncertainty(name))]
    rows.append(("twice NLL", theirs["twice NLL"], 2.0 * best.nll))
    rows.append(("goodness of fit, p", theirs["goodness of fit p"], hft.goodness_of_fit(model, data).p_value))
    ranking = hft.impacts(model, data)
    for name, shifts in theirs["impacts"].items():
        ours = ranking[name]
        found = [*(ours.prefit or (None, None))[::-1], *ours.postfit[::-1]]
        kinds = ("pre-fit +", "pre-fit -", "post-fit +", "post-fit -")
        rows += [
            (f"impact of {name}, {kind}", a, b)
            for kind, a, b in zip(kinds, shifts, found, strict=True)
            if b is not None and abs(a) > 0.0
        ]
    limit = hft.upper_limit(model, data, poi_range="model")
    names = ("limit", *(f"limit, expected {n:+d} sigma" for n in range(-2, 3)))
    rows += list(zip(names, theirs["limit"], (limit.observed, *limit.expected), strict=True))
    found_z = hft.significance(model, data)
    rows.append(("significance", theirs["significance"][0], found_z.z))
    rows.append(("significance, expected", theirs["significance"][1], found_z.z_exp[2]))
    return rows


def main(arguments: Sequence[str]) -> int:
    """Print the table; the exit status is 1 where numbers differ by more than cabinetry's own accuracy."""
    python, folder, *tolerance = arguments
    with tempfile.TemporaryDirectory() as made:
        theirs = asked(python, Path(folder), Path(made), *(tolerance or ["1e-6"]))
        rows = compared(theirs, Path(made) / "workspace.json")
    print(
        " ".join(f"{name} {version}" for name, version in theirs["versions"].items()), f"hftranslate {hft.__version__}"
    )
    for name, a, b in rows:
        print(f"{name:45} {a:14.8g} {b:14.8g} {abs(a - b) / max(abs(a), abs(b)):9.1e}")
    return int(any(abs(a - b) > _allowed(name) * max(1.0, abs(a)) for name, a, b in rows))


def _allowed(name: str) -> float:
    return OF_HESSE if "uncertainty" in name or "post-fit" in name else TOLERANCE


#: Of numbers of the order of one: what root finding and MIGRAD leave, and what MINUIT's HESSE leaves on uncertainties,
#: and so on impacts after the fit.
TOLERANCE, OF_HESSE = 1e-4, 1e-2

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
