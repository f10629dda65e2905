"""Random workspaces of pyhf: what a person or a program could have written as JSON."""

import random
from typing import Any

Json = dict[str, Any]

_CHANNELS = ["SR", "CR", "VR", "SR_x", "x", "1st bin", "a,b"]
_SAMPLES = ["signal", "bkg", "ttbar", "bkg_SR", "rare;1", "qcd_x"]
_ALPHAS = ["JES", "btag", "xsec", "lumi_theory", "JES,up", "JES_up"]
_FACTORS = ["k_bkg", "norm", "alpha_JES", "gamma_own_bin_0", "Lumi"]


def workspace(seed: int) -> Json:
    """The workspace of a seed; half of them have odd names, empty or negative bins."""
    return _Author(random.Random(seed)).document()


class _Author:
    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.odd = r.random() < 0.5
        self.alphas = r.sample(_ALPHAS if self.odd else _ALPHAS[:4], r.randint(1, 3))
        self.factors = r.sample(_FACTORS if self.odd else _FACTORS[:2], r.randint(0, 2))
        self.lumi = r.choice(("all", "all", "some", "some", "none"))
        self.shared_staterror = r.random() < 0.15

    def modifiers(self, channel: str, data: list[float], signal: bool) -> list[Json]:
        r = self.r
        found: list[Json] = []
        if signal:
            found.append({"name": "mu", "type": "normfactor", "data": None})
        if self.lumi == "all" or (self.lumi == "some" and r.random() < 0.6):
            found.append({"name": "lumi", "type": "lumi", "data": None})
        used = [name for name in self.factors if r.random() < 0.4]
        found += [{"name": name, "type": "normfactor", "data": None} for name in used]
        for name in self.alphas:
            if r.random() < 0.4:
                lo, hi = round(r.uniform(0.6, 1.0), 3), round(r.uniform(1.0, 1.5), 3)
                found.append({"name": name, "type": "normsys", "data": {"lo": lo, "hi": hi}})
            if r.random() < 0.3:
                up, down = ([x * round(r.uniform(0.6, 1.5), 3) for x in data] for _ in range(2))
                found.append({"name": name, "type": "histosys", "data": {"lo_data": down, "hi_data": up}})
        if r.random() < 0.4:
            name = "staterror" if self.shared_staterror else f"staterror_{channel}"
            if self.odd and r.random() < 0.15:
                name += "_2"
            errors = [abs(x) * round(r.uniform(0.0, 0.4), 3) for x in data]
            found.append({"name": name, "type": "staterror", "data": errors})
        if r.random() < 0.25:
            errors = [abs(x) * r.choice((0.0, 0.1, round(r.uniform(0.01, 0.5), 3))) for x in data]
            found.append({"name": f"own_{channel}_{r.randrange(1000)}", "type": "shapesys", "data": errors})
        if r.random() < 0.12:
            found.append({"name": f"free_{len(data)}", "type": "shapefactor", "data": None})
        return found

    def contents(self, n: int) -> list[float]:
        r, scale = self.r, 10.0 ** self.r.uniform(0.0, 2.3)
        found = [round(r.uniform(0.2, 2.0) * scale, r.choice((0, 2, 9))) for _ in range(n)]
        for i in range(n):
            if self.odd and r.random() < 0.1:
                found[i] = r.choice((0.0, 0.0, -0.05 * scale))
        return found

    def document(self) -> Json:
        r = self.r
        names = r.sample(_CHANNELS if self.odd else _CHANNELS[:3], r.choice((1, 2, 2, 3)))
        channels: list[Json] = []
        observations: list[Json] = []
        for i, name in enumerate(names):
            n = r.randint(1, 4)
            samples: list[Json] = []
            if i == 0 or r.random() < 0.4:
                data = self.contents(n)
                samples.append({"name": "signal", "data": data, "modifiers": self.modifiers(name, data, True)})
            for sample in r.sample(_SAMPLES[1:] if self.odd else _SAMPLES[1:3], r.randint(1, 2)):
                data = self.contents(n)
                samples.append({"name": sample, "data": data, "modifiers": self.modifiers(name, data, False)})
            channels.append({"name": name, "samples": samples})
            total = [max(sum(s["data"][b] for s in samples), 0.0) for b in range(n)]
            observations.append({"name": name, "data": [float(round(t * r.uniform(0.7, 1.4))) for t in total]})
        return {
            "channels": channels,
            "observations": observations,
            "measurements": [{"name": r.choice(("meas", "meas", "my measurement")), "config": self.config(channels)}],
            "version": "1.0.0",
        }

    def config(self, channels: list[Json]) -> Json:
        r = self.r
        used = {(m["name"], m["type"]) for c in channels for s in c["samples"] for m in s["modifiers"]}
        parameters = []
        if ("lumi", "lumi") in used:
            value = r.choice((1.0, 1.0, 36.1))
            sigma = value * r.choice((0.02, 0.05))
            bounds = [[value - 5.0 * sigma, value + 5.0 * sigma]]
            config: Json = {"name": "lumi", "auxdata": [value], "sigmas": [sigma], "bounds": bounds, "inits": [value]}
            parameters.append(config | ({"fixed": True} if r.random() < 0.2 else {}))
        for name, kind in sorted(used):
            if kind == "normfactor" and r.random() < 0.4:
                low, high = r.choice(((0.0, 5.0), (-2.0, 8.0)))
                parameters.append({"name": name, "inits": [r.choice((1.0, 0.8))], "bounds": [[low, high]]})
            elif kind == "normsys" and r.random() < 0.2:
                parameters.append({"name": name, "inits": [0.3]} if r.random() < 0.5 else {"name": name, "fixed": True})
        return {"poi": "mu", "parameters": parameters}
