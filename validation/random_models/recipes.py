"""Random measurements: what a person, a generator of inputs, or a mistake could have written as HistFactory XML.

A recipe is plain data (it goes to ROOT and back as JSON) that :mod:`validation.random_models.files` writes as XML and
histograms. Half of the recipes are plain; the others have one or several oddities: empty and negative bins, whole
numbers, elements that stand twice, names that ROOT takes for one, settings of what is not there.
"""

import random
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

_CHANNELS = ["SR", "CR", "VR", "SR_x", "x", "zz-9", "ttbar CR"]
_SAMPLES = ["signal", "bkg", "ttbar", "bkg_SR", "rare", "qcd_x"]
_SYSTEMATICS = ["JES", "btag", "xsec", "theory", "JES_2", "lumi"]
_SHAPES = ["shape", "mcstat", "gen"]
_FACTORS = ["mu", "k_bkg", "nu", "scale_t"]
_CLASSES = ["TH1D"] * 6 + ["TH1F"] * 3
_WHOLE = ["TH1I", "TH1S", "TH1C"]
_KINDS = [
    "NormFactor",
    "OverallSys",
    "OverallSys",
    "HistoSys",
    "HistoSys",
    "ShapeSys",
    "ShapeFactor",
    "StatError",
    "StatError",
]
_FORMULAS = [
    ("{a}*{b}", 2),
    ("sqrt({a})", 1),
    ("1+0.1*{a}", 1),
    ("{a}>1 ? {a} : {b}", 2),
    ("TMath::Erf({a})+1", 1),
    ("max({a}, {b})", 2),
    ("{a}^2*0.3+{b}", 2),
    ("exp(-{a})*2 + ({b}>0.5)", 2),
    ("1/2*{a} + {b}", 2),
    ("@0*@1", 2),
]


def recipe(seed: int) -> Json:
    """The recipe of a seed; the same for the same seed, whatever the platform."""
    return _Cook(random.Random(seed)).measurement()


class _Cook:
    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.odd = r.random() < 0.5
        self.systematics = r.sample(_SYSTEMATICS, r.randint(1, 4))
        self.factors = ["mu", *r.sample(_FACTORS[1:], r.randint(0, 2))]
        self.shapes = r.sample(_SHAPES, r.randint(1, 2))
        self.functions: list[Json] = []

    def seldom(self, chance: float = 0.15) -> bool:
        """Whether an oddity happens here: never in plain recipes."""
        return self.odd and self.r.random() < chance

    def number(self, low: float, high: float, digits: int = 3) -> float:
        return round(self.r.uniform(low, high), self.r.choice((0, 1, digits, digits, 12)))

    # ---------------------------------------------------------------- histograms
    def histogram(self, contents: Sequence[float], errors: Sequence[float] | None = None, kind: str = "") -> Json:
        kind = kind or self.r.choice(_CLASSES)
        if kind in _WHOLE:
            contents = [float(max(-100, min(100, round(c)))) for c in contents]
        return {"class": kind, "contents": list(contents), "errors": None if errors is None else list(errors)}

    def nominal(self, n: int) -> Json:
        r = self.r
        scale = 10.0 ** r.uniform(-0.3, 2.3)
        contents = [self.number(0.2, 2.0) * scale for _ in range(n)]
        for i in range(n):
            if self.seldom(0.2):
                contents[i] = r.choice((0.0, 0.0, 0.0, -0.1 * scale, 1e-7))
        errors = None if r.random() < 0.15 else [abs(c) * round(r.uniform(0.0, 0.5), 3) for c in contents]
        if errors is not None and r.random() < 0.2:
            errors[r.randrange(n)] = 0.0
        return self.histogram(contents, errors, r.choice(_WHOLE) if self.seldom(0.08) else "")

    def relative(self, n: int) -> Json:
        r = self.r
        contents = [round(r.uniform(0.01, 0.6), 4) for _ in range(n)]
        for i in range(n):
            if r.random() < (0.25 if self.odd else 0.08):
                contents[i] = r.choice((0.0, 0.0, 0.05, 0.05, 1.3))
            if self.seldom(0.02):
                contents[i] = -0.1
        return self.histogram(contents, kind=r.choice(_WHOLE) if self.seldom(0.02) else "")

    # ---------------------------------------------------------------- modifiers
    def modifier(self, kind: str, nominal: Json) -> Json:
        r, n = self.r, len(nominal["contents"])
        match kind:
            case "NormFactor":
                return self.norm_factor(r.choice(self.factors))
            case "OverallSys":
                low, high = self.number(0.6, 1.0), self.number(1.0, 1.5)
                if r.random() < 0.2:
                    low, high = high, low
                if self.seldom(0.05):
                    low = 0.0
                return {"type": kind, "name": r.choice(self.systematics), "low": low or 0.5, "high": high or 1.5}
            case "HistoSys":
                up, down = ([c * round(r.uniform(0.6, 1.5), 3) for c in nominal["contents"]] for _ in range(2))
                if self.seldom(0.3):
                    down = [r.choice((0.0, -1.0, c)) for c in down]
                shapes = {"high": self.histogram(up), "low": self.histogram(down)}
                return {"type": kind, "name": r.choice(self.systematics), **shapes}
            case "ShapeSys":
                constraint = r.choice((None, "Gaussian", "Poisson", "Poisson", "Gauss", "Pois"))
                name = f"{r.choice(self.shapes)}_{n}" if r.random() < 0.5 else f"own_{r.randrange(1000)}"
                name = r.choice(self.shapes) if self.seldom(0.05) else name
                return {"type": kind, "name": name, "constraint": constraint, "histogram": self.relative(n)}
            case "ShapeFactor":
                return {"type": kind, "name": f"sf_{r.choice(self.shapes)}_{n}"}
            case _:
                external = self.relative(n) if r.random() < 0.3 else None
                return {"type": kind, "activate": r.random() > 0.1, "histogram": external}

    def norm_factor(self, name: str) -> Json:
        r = self.r
        value, low, high = r.choice(((1.0, 0.0, 10.0), (1.0, 0.0, 10.0), (1.2, 0.1, 5.0), (0.5, -3.0, 3.0)))
        return {"type": "NormFactor", "name": name, "value": value, "low": low, "high": high}

    def sample(self, name: str, n: int, *, signal: bool) -> Json:
        r, nominal = self.r, self.nominal(n)
        modifiers = [self.norm_factor("mu")] if signal else []
        modifiers += [self.modifier(r.choice(_KINDS), nominal) for _ in range(r.choice((0, 1, 2, 2, 3, 4)))]
        if not self.odd or r.random() < 0.8:
            modifiers = _each_once(modifiers)
        if self.functions and r.random() < 0.5:
            modifiers.append(self.norm_factor(r.choice(self.functions)["name"]))
        if self.seldom(0.1):
            odd = r.choice(
                (f"alpha_{self.systematics[0]}", "Lumi", "gamma_stat_SR_bin_0", f"gamma_{self.shapes[0]}_bin_0")
            )
            modifiers.append(self.norm_factor(odd))
        if self.seldom(0.05):
            modifiers.append(
                {"type": "ShapeSys", "name": "stat_SR", "constraint": "Poisson", "histogram": self.relative(n)}
            )
        theory = r.choice((None, None, None, True, False))
        return {"name": name, "theory": theory, "histogram": nominal, "modifiers": modifiers}

    def channel(self, name: str, *, signal: bool, data: bool) -> Json:
        r, n = self.r, self.r.randint(1, 4)
        names = r.sample(_SAMPLES[1:], r.randint(1, 3))
        samples = [self.sample(s, n, signal=False) for s in names]
        if signal:
            samples.insert(r.randint(0, len(samples)), self.sample("signal", n, signal=True))
        expected = [max(sum(s["histogram"]["contents"][i] for s in samples), 0.0) for i in range(n)]
        observed = [float(round(e * r.uniform(0.7, 1.4))) if r.random() < 0.9 else round(e, 2) for e in expected]
        edges = [0.0]
        for _ in range(n):
            edges.append(edges[-1] + r.choice((1.0, 1.0, 0.5, 2.0)))
        config = None
        if r.random() < 0.7:
            threshold = r.choice((None, 0.0, 0.0, 0.05, 0.1, 0.2))
            config = {"threshold": threshold, "constraint": r.choice((None, "Gaussian", "Poisson", "Gauss", "Pois"))}
        return {
            "name": name,
            "edges": edges,
            "data": self.histogram(observed) if data else None,
            "stat": config,
            "samples": samples,
        }

    # ---------------------------------------------------------------- the measurement
    def function(self, index: int) -> Json:
        r = self.r
        text, n = r.choice(_FORMULAS)
        systematic = f"alpha_{self.systematics[0]}"
        names = r.sample(["par_u", "par_v", "mu", systematic, "Lumi", "frac"], 2)
        ranges = {"Lumi": "[1.1,0.5,1.5]", systematic: "[0.2,-4,4]", "mu": r.choice(("[1,0,10]", "[0.7]"))}
        ranges |= {name: r.choice(("[1,0,10]", "[0.5,0.1,3]", "[0.7]")) for name in ("par_u", "par_v", "frac")}
        dependents = [name + ranges[name] for name in names[:n]]
        if self.functions and r.random() < 0.4:  # one of another function
            names[0] = dependents[0] = self.functions[0]["name"]
        return {
            "name": f"fn_{index}",
            "expression": text.format(a=names[0], b=names[1]),
            "dependents": ",".join(dependents),
        }

    def settings(self) -> list[Json]:
        r = self.r
        known = [f"alpha_{s}" for s in self.systematics] + self.factors + ["Lumi", "gamma_stat_SR_bin_0", "par_u"]
        found = []
        for _ in range(r.choice((0, 0, 1, 1, 2))):
            names = r.sample(known, r.randint(1, 2))
            if self.seldom(0.1):
                names.append(r.choice(("nope", "nominalLumi", f"nom_alpha_{self.systematics[0]}")))
            constant = r.choice((None, True, True, False))
            value = round(r.uniform(0.9, 1.1), 3) if r.random() < 0.5 else None
            found.append({"names": names, "const": constant, "value": value})
        return found

    def terms(self) -> list[Json]:
        r, found = self.r, []
        if r.random() < 0.25:
            kind = r.choice(("LogNormal", "Uniform", "NoConstraint", "Gamma"))
            relative = None if kind == "NoConstraint" else r.choice((0.35, 0.4, 0.5))
            found.append({"names": [r.choice(self.systematics)], "type": kind, "relative": relative})
        return found

    def measurement(self) -> Json:
        r = self.r
        for i in range(r.choice((0, 0, 0, 1, 2))):
            self.functions.append(self.function(i))
        channels = r.sample(_CHANNELS[:3] if not self.odd else _CHANNELS, r.choice((1, 1, 2, 2, 3)))
        data = r.random() > 0.07
        made = [self.channel(c, signal=i == 0 or r.random() < 0.4, data=data) for i, c in enumerate(channels)]
        pois = ["mu"] if r.random() < 0.7 else r.choice((["mu", "k_bkg"], ["k_bkg"], ["nu", "mu"]))
        if self.seldom(0.05):
            pois = ["nope", *pois]
        return {
            "functions": self.functions,
            "channels": made,
            "measurement": {
                "name": "meas",
                "lumi": r.choice((1.0, 1.0, 2.0, 36.1)),
                "lumi_error": r.choice((0.0, 0.02, 0.1, 0.05)),
                "pois": pois,
                "settings": self.settings(),
                "terms": self.terms(),
            },
        }


def _each_once(modifiers: list[Json]) -> list[Json]:
    """No element twice on a sample."""
    found = {(m["type"], m.get("name")): m for m in reversed(modifiers)}
    return list(reversed(found.values()))
