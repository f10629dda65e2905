"""Writes pyhf's own result document of a workspace, in the schema of the references.

    python validation/pyhf_document.py WORKSPACE.json [--patch P.json] [--measurement NAME] [--like REF.json] [-o OUT]
    python validation/pyhf_document.py --xml CONFIG.xml --basedir DIR ...

Needs pyhf (``pip install pyhf[minuit]``) and never imports hftranslate: the numbers are pyhf's, from its reading of XML
to its CLs. Parameters carry ROOT's names. With ``--like``, the points and tested values are those of another document.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]

CONVENTIONS = {
    "name": "pyhf",
    "clip_samples": False,
    "truncate_constraints": False,
    "root_ranges": False,
    "constrain_empty": True,
}
TEST_POIS = (0.5, 1.0, 2.0)
LEVEL = 0.05


def read_json(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def root_names(model: Any) -> list[str]:
    """ROOT's names of pyhf's parameters, in pyhf's order."""
    kinds = dict(model.config.modifiers)
    channels: dict[str, list[str]] = {}
    for channel in model.spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                found = channels.setdefault(modifier["name"], [])
                if channel["name"] not in found:
                    found.append(channel["name"])
    names: list[str] = []
    for name in model.config.par_order:
        size = model.config.param_set(name).n_parameters
        match kinds[name]:
            case "lumi":
                names.append("Lumi")
            case "normsys" | "histosys":
                names.append(f"alpha_{name}")
            case "normfactor":
                names.append(name)
            case "staterror" if len(channels[name]) == 1:
                names += [f"gamma_stat_{channels[name][0]}_bin_{i}" for i in range(size)]
            case _:
                names += [f"gamma_{name}_bin_{i}" for i in range(size)]
    return names


class Engine:
    """pyhf's model and data, spoken to with ROOT's names."""

    def __init__(self, document: Json, measurement: str | None) -> None:
        import pyhf

        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4), precision="64b")
        self.pyhf = pyhf
        self.workspace = pyhf.Workspace(document)
        self.measurement = self.workspace.get_measurement(measurement_name=measurement)
        self.model = self.workspace.model(measurement_name=measurement)
        self.data = self.workspace.data(self.model)
        self.names = root_names(self.model)
        self.init = np.array(self.model.config.suggested_init(), dtype=float)

    @property
    def poi(self) -> str | None:
        """The parameter of interest."""
        index = self.model.config.poi_index
        return None if index is None else self.names[index]

    def parameters(self) -> list[Json]:
        """Initial values, ranges and constants."""
        bounds, fixed = self.model.config.suggested_bounds(), self.model.config.suggested_fixed()
        return [
            {"name": n, "init": float(i), "low": float(low), "high": float(high), "fixed": bool(f)}
            for n, i, (low, high), f in zip(self.names, self.init, bounds, fixed, strict=True)
        ]

    def observed(self) -> dict[str, list[float]]:
        """Observed events per channel."""
        return {c: [float(x) for x in self.workspace.observations[c]] for c in self.model.config.channels}

    def point(self, label: str, values: Mapping[str, float]) -> Json:
        """Yields and NLL at a point."""
        theta = self.init.copy()
        for name, value in values.items():
            theta[self.names.index(name)] = value
        with np.errstate(all="ignore"):
            nll = -float(np.asarray(self.model.logpdf(theta, self.data)).item())
            by_sample = np.asarray(self.model.main_model.expected_data(theta, return_by_sample=True))
        yields: dict[str, dict[str, list[float]]] = {}
        samples = list(self.model.config.samples)
        for channel in self.model.spec["channels"]:
            bins = self.model.config.channel_slices[channel["name"]]
            names = [s["name"] for s in channel["samples"]]
            yields[channel["name"]] = {n: by_sample[samples.index(n), bins].tolist() for n in names}
        good = isfinite(nll)
        return {
            "label": label,
            "values": dict(values),
            "nll": nll if good else None,
            "evaluation_error": not good,
            "yields": yields,
        }

    def fit(self) -> Json:
        """The best fit, with MINUIT's uncertainties where no parameter is at a limit."""
        result, twice_nll, problem = self.pyhf.infer.mle.fit(
            self.data, self.model, return_uncertainties=True, return_fitted_val=True, return_result_obj=True
        )
        values, errors = np.asarray(result)[:, 0], np.asarray(result)[:, 1]
        fixed = np.array(self.model.config.suggested_fixed())
        bounds = np.array(self.model.config.suggested_bounds())
        at_limit = (np.minimum(values - bounds[:, 0], bounds[:, 1] - values) < 1e-5) & ~fixed
        inside = np.flatnonzero(~fixed & ~at_limit)
        matrix = np.asarray(problem.corr)
        document: Json = {
            "nll": 0.5 * float(np.asarray(twice_nll).item()),
            "status": "converged",
            "values": dict(zip(self.names, values.tolist(), strict=True)),
            "at_limit": [self.names[i] for i in np.flatnonzero(at_limit)],
        }
        if not at_limit.any():  # MIGRAD's errors of the others are not those with these fixed
            document["uncertainties"] = {self.names[i]: float(errors[i]) for i in inside}
            if np.isfinite(matrix).all():
                names = [self.names[i] for i in inside]
                document["correlation"] = {"names": names, "matrix": matrix[np.ix_(inside, inside)].tolist()}
        return document

    def hypotest(self, poi: float, nll_free: float, muhat: float) -> Json:
        """CLs of a tested value."""
        observed, tails, expected = self.pyhf.infer.hypotest(
            poi, self.data, self.model, return_tail_probs=True, return_expected_set=True
        )
        conditional = self.pyhf.infer.mle.fixed_poi_fit(poi, self.data, self.model, return_fitted_val=True)[1]
        nll = 0.5 * float(np.asarray(conditional).item())
        return {
            "poi": poi,
            "test_stat": "qtilde" if self.model.config.suggested_bounds()[self.model.config.poi_index][0] == 0 else "q",
            "calculator": "asymptotic",
            "q": 0.0 if muhat > poi else max(0.0, 2.0 * (nll - nll_free)),
            "muhat": muhat,
            "nll_conditional": nll,
            "CLsb": float(tails[0]),
            "CLb": float(tails[1]),
            "CLs_obs": float(observed),
            "CLs_exp": [float(x) for x in expected],
        }

    def discovery(self, muhat: float) -> Json:
        """Test of the background."""
        p0 = float(self.pyhf.infer.hypotest(0.0, self.data, self.model, test_stat="q0"))
        q0 = float(
            self.pyhf.infer.test_statistics.q0(
                0.0,
                self.data,
                self.model,
                *(getattr(self.model.config, f"suggested_{s}")() for s in ("init", "bounds", "fixed")),
            )
        )
        return {"q0": q0, "p0": p0, "z": sqrt(max(q0, 0.0)), "muhat": muhat}


def document_of(
    workspace: Json, measurement: str | None, like: Json | None, inputs: Sequence[Path], command: str
) -> Json:
    """Everything pyhf says about a workspace."""
    import pyhf

    engine = Engine(workspace, measurement)
    points = [("nominal", {})] if like is None else [(p["label"], p["values"]) for p in like["points"]]
    document: Json = {
        "schema": "hftranslate-results/1",
        "provenance": {
            "engine": "pyhf",
            "version": pyhf.__version__,
            "command": command,
            "date": datetime.now(UTC).date().isoformat(),
            "inputs": [{"path": str(p), "sha256": sha256(p.read_bytes()).hexdigest()} for p in inputs],
            "notes": ["numpy backend, MINUIT with a tolerance of 1e-4"],
        },
        "measurement": engine.measurement["name"],
        "poi": engine.poi,
        "conventions": CONVENTIONS,
        "constant": 0.0,
        "parameters": engine.parameters(),
        "parametrisation": [],
        "data": engine.observed(),
        "points": [engine.point(label, values) for label, values in points],
        "fit": engine.fit(),
    }
    if engine.poi is not None:
        muhat = document["fit"]["values"][engine.poi]
        pois = TEST_POIS
        if like is not None:
            pois = tuple(t["poi"] for t in like.get("hypotests", ()) if t["calculator"] == "asymptotic")
        document["hypotests"] = [engine.hypotest(poi, document["fit"]["nll"], muhat) for poi in pois]
        if like is None or "discovery" in like:
            document["discovery"] = engine.discovery(muhat)
    return document


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", nargs="?", type=Path, help="pyhf JSON, gzip or not")
    parser.add_argument("--xml", type=Path, help="HistFactory XML, read by pyhf's xml2json instead")
    parser.add_argument("--basedir", type=Path, default=Path(), help="what paths in the XML are relative to")
    parser.add_argument("--patch", type=Path, help="JSON patch")
    parser.add_argument("--measurement")
    parser.add_argument("--like", type=Path, help="evaluate at the points of this result document")
    parser.add_argument("-o", "--output-file", type=Path, help="default: standard output")
    options = parser.parse_args(arguments)
    if (options.workspace is None) == (options.xml is None):
        parser.error("expected a workspace or --xml")
    if options.xml is not None:
        from pyhf import readxml

        workspace = readxml.parse(str(options.xml), str(options.basedir), validation_as_error=False)
        inputs = [options.xml]
    else:
        workspace, inputs = read_json(options.workspace), [options.workspace]
    if options.patch is not None:
        import jsonpatch

        workspace = jsonpatch.apply_patch(workspace, read_json(options.patch))
        inputs.append(options.patch)
    like = None if options.like is None else read_json(options.like)
    command = " ".join(
        ["python", "validation/pyhf_document.py", *(arguments if arguments is not None else sys.argv[1:])]
    )
    text = json.dumps(document_of(workspace, options.measurement, like, inputs, command), indent=1) + "\n"
    if options.output_file is None:
        sys.stdout.write(text)
    else:
        options.output_file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
