"""pyhf JSON -> ROOT ``Measurement`` with histograms in memory, saying exactly what the JSON says.

==============  =======================================================================================
JSON            ROOT
==============  =======================================================================================
staterror       StatError, Gaussian, threshold zero; ShapeSys of Gaussian constraint with the combined
                relative error where a channel has several or channels share one
shapesys        ShapeSys of Poisson constraint, relative error data/nominal (zero in empty bins)
lumi            the luminosity, if all samples carry it; otherwise a Function ``lumi_scale`` of a
                systematic ``alpha_lumi``, on these samples only (ROOT multiplies every sample by Lumi)
inits, fixed    ParamSetting; norm factors start at their init
bounds          the range of a norm factor; for other parameters the range of the finished variable
==============  =======================================================================================
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Any

import numpy as np
from models import Description, ModelError, Range, Reparametrised
from quiet import ROOT

HF: Any = ROOT.RooStats.HistFactory
Json = dict[str, Any]


def describe_json(document: Json, measurement: str | None = None) -> Description:
    """Describe one measurement (the first if not named) of a (patched) workspace to ROOT."""
    wanted = [m for m in document["measurements"] if measurement in (None, m["name"])]
    if not wanted:
        raise ModelError(f"the workspace has no measurement {measurement!r}")
    return _Describer(document, wanted[0]).describe()


def with_neutral_names(document: Json) -> tuple[Json, dict[str, str], dict[str, str]]:
    """The same model under names that no two objects of ROOT can share: ``c000``, ``s000``, ``p000``.

    Returns
    -------
    tuple
        the document, its channels in the order of their old names, and what these names stand for: of channels, and of
        parameters.
    """
    channels = {c["name"]: f"c{i:03d}" for i, c in enumerate(sorted(document["channels"], key=lambda c: c["name"]))}
    parameters: dict[str, str] = {}

    def parameter(modifier: Json) -> str:
        new = "lumi" if modifier["type"] == "lumi" else f"p{len(parameters):03d}"
        return parameters.setdefault(modifier["name"], new)

    renamed = [
        {
            "name": channels[c["name"]],
            "samples": [
                {**s, "name": f"s{k:03d}", "modifiers": [{**m, "name": parameter(m)} for m in s["modifiers"]]}
                for k, s in enumerate(c["samples"])
            ],
        }
        for c in sorted(document["channels"], key=lambda c: c["name"])
    ]
    measurements = []
    for m in document["measurements"]:
        settings = [{**p, "name": parameters[p["name"]]} for p in m["config"]["parameters"] if p["name"] in parameters]
        config = {"poi": parameters.get(m["config"]["poi"], ""), "parameters": settings}
        measurements.append({"name": m["name"], "config": config})
    observations = [{**o, "name": channels[o["name"]]} for o in document["observations"]]
    result = {"channels": renamed, "observations": observations, "measurements": measurements}
    return result, {new: old for old, new in channels.items()}, {new: old for old, new in parameters.items()}


class _Describer:
    """Carries what the parts of one description share."""

    def __init__(self, document: Json, measurement: Json) -> None:
        self.document = document
        self.name: str = measurement["name"]
        self.poi: str = measurement["config"]["poi"]
        self.settings: dict[str, Json] = {p["name"]: p for p in measurement["config"]["parameters"]}
        self.histograms: list[Any] = []
        self.ranges: dict[str, Range] = {}
        self.parametrisation: tuple[Reparametrised, ...] = ()
        self.hidden: set[str] = set()
        self.notes = ["the JSON was described to ROOT's HistFactory classes, with histograms in memory"]
        self.root_names: dict[str, list[str]] = defaultdict(list)

    def describe(self) -> Description:
        measurement = HF.Measurement(self.name, self.name)
        self._luminosity(measurement)
        observed = {o["name"]: o["data"] for o in self.document["observations"]}
        for channel in self.document["channels"]:
            measurement.AddChannel(self._channel(channel, observed[channel["name"]]))
        if self.poi:
            measurement.AddPOI(self.root_names.get(self.poi, [self.poi])[0])
        self._settings(measurement)
        return Description(
            measurement=measurement,
            from_files=False,
            ranges=self.ranges,
            parametrisation=self.parametrisation,
            entries={name: [name] for name in self._norm_factors()} | dict(self.root_names),
            hidden=frozenset(self.hidden),
            notes=tuple(self.notes),
            keep_alive=self.histograms,
        )

    def _modifiers(self, *types: str) -> Iterator[tuple[Json, Json, Json]]:
        for channel in self.document["channels"]:
            for sample in channel["samples"]:
                for modifier in sample["modifiers"]:
                    if modifier["type"] in types:
                        yield channel, sample, modifier

    def _histogram(self, contents: Sequence[float], errors: Sequence[float] | None = None) -> Any:
        n = len(contents)
        result = ROOT.TH1D(f"h{len(self.histograms)}", "", n, np.arange(n + 1.0))
        result.SetDirectory(ROOT.nullptr)
        ROOT.SetOwnership(result, False)  # the measurement takes it
        result.Sumw2()
        for i, content in enumerate(contents, start=1):
            result.SetBinContent(i, content)
            result.SetBinError(i, errors[i - 1] if errors is not None else 0.0)
        self.histograms.append(result)
        return result

    # ---------------------------------------------------------------- luminosity
    def _luminosity(self, measurement: Any) -> None:
        carriers = sum(1 for _ in self._modifiers("lumi"))
        samples = sum(len(c["samples"]) for c in self.document["channels"])
        self.partial_lumi = 0 < carriers < samples
        self.lumi_constrained = False  # whether alpha_lumi has got its constraint
        if carriers == samples:
            value, sigma = self._lumi_numbers()
            measurement.SetLumi(value)
            measurement.SetLumiRelErr(sigma / value)
            self.root_names["lumi"] = ["Lumi"]
            return
        measurement.SetLumi(1.0)
        measurement.SetLumiRelErr(0.0)
        self.hidden.add("Lumi")
        if self.partial_lumi:
            value, sigma = self._lumi_numbers()
            self.root_names["lumi"] = ["alpha_lumi"]
            self.notes.append(
                "lumi on some samples only: a Function of alpha_lumi multiplies these; ROOT's own Lumi is 1, constant"
            )
            self.parametrisation = (Reparametrised(name="alpha_lumi", parameter="Lumi", offset=value, scale=sigma),)
            measurement.AddPreprocessFunction("lumi_scale", f"{value!r}+{sigma!r}*alpha_lumi", "alpha_lumi[0,-5,5]")

    def _lumi_numbers(self) -> tuple[float, float]:
        config = self.settings.get("lumi", {})
        if "auxdata" not in config or "sigmas" not in config:
            raise ModelError("a lumi modifier needs auxdata and sigmas in the measurement")
        return float(config["auxdata"][0]), float(config["sigmas"][0])

    # ---------------------------------------------------------------- channels and samples
    def _channel(self, channel: Json, observed: Sequence[float]) -> Any:
        result = HF.Channel(channel["name"])
        result.SetData(self._histogram(observed))
        config = HF.StatErrorConfig()
        config.SetRelErrorThreshold(0.0)
        config.SetConstraintType(HF.Constraint.Gaussian)
        result.SetStatErrorConfig(config)
        for sample in channel["samples"]:
            result.AddSample(self._sample(channel, sample))
        return result

    def _sample(self, channel: Json, sample: Json) -> Any:
        errors = None
        result = HF.Sample(sample["name"])
        for modifier in sample["modifiers"]:
            if modifier["type"] == "staterror" and self._is_stat_error(channel, modifier):
                errors = modifier["data"]
        result.SetHisto(self._histogram(sample["data"], errors))
        for modifier in sample["modifiers"]:
            self._modifier(result, channel, sample, modifier)
        return result

    def _modifier(self, target: Any, channel: Json, sample: Json, modifier: Json) -> None:
        name, data = modifier["name"], modifier["data"]
        match modifier["type"]:
            case "lumi":
                self._partial_lumi(target)
            case "normfactor":
                config = self.settings.get(name, {})
                low, high = config.get("bounds", [[0.0, 10.0]])[0]
                target.AddNormFactor(name, float(config.get("inits", [1.0])[0]), float(low), float(high))
            case "normsys":
                target.AddOverallSys(name, float(data["lo"]), float(data["hi"]))
                self.root_names[name] = [f"alpha_{name}"]
            case "histosys":
                shape = HF.HistoSys()
                shape.SetName(name)
                shape.SetHistoLow(self._histogram(data["lo_data"]))
                shape.SetHistoHigh(self._histogram(data["hi_data"]))
                target.AddHistoSys(shape)
                self.root_names[name] = [f"alpha_{name}"]
            case "shapesys":
                pairs = zip(data, sample["data"], strict=True)
                relative = [d / h if d > 0 and h > 0 else 0.0 for d, h in pairs]
                self._shapesys(target, name, name, relative, "Poisson")
            case "shapefactor":
                target.AddShapeFactor(name)
                self.root_names[name] = [f"gamma_{name}_bin_{i}" for i in range(len(sample["data"]))]
            case "staterror" if self._is_stat_error(channel, modifier):
                target.ActivateStatError()
                bins = range(len(sample["data"]))
                self.root_names[name] = [f"gamma_stat_{channel['name']}_bin_{i}" for i in bins]
            case "staterror":
                shared = len(self._channels_of_staterror(name)) > 1
                root_name = f"{name}_{channel['name']}" if shared else name
                self._shapesys(target, name, root_name, self._combined_error(channel, name), "Gaussian")
            case other:
                raise ModelError(f"sample {sample['name']!r}: unknown modifier type {other!r}")

    def _partial_lumi(self, target: Any) -> None:
        if not self.partial_lumi:
            return
        target.AddNormFactor("lumi_scale", 1.0, 0.0, 10.0)  # the Function of that name takes its place
        if not self.lumi_constrained:  # a systematic without effect brings the constraint of alpha_lumi
            target.AddOverallSys("lumi", 1.0, 1.0)
            self.lumi_constrained = True

    def _shapesys(self, target: Any, name: str, root_name: str, relative: Sequence[float], constraint: str) -> None:
        shape = HF.ShapeSys()
        shape.SetName(root_name)
        shape.SetConstraintType(getattr(HF.Constraint, constraint))
        shape.SetErrorHist(self._histogram(relative))
        target.AddShapeSys(shape)
        new = [f"gamma_{root_name}_bin_{i}" for i in range(len(relative))]
        self.root_names[name] += [n for n in new if n not in self.root_names[name]]

    # ---------------------------------------------------------------- statistical errors
    def _channels_of_staterror(self, name: str) -> set[str]:
        return {c["name"] for c, _, m in self._modifiers("staterror") if m["name"] == name}

    def _is_stat_error(self, channel: Json, modifier: Json) -> bool:
        """Whether ROOT's own StatError can say it: the only one in its channel, in no other channel."""
        in_channel = {m["name"] for c, _, m in self._modifiers("staterror") if c["name"] == channel["name"]}
        return len(in_channel) == 1 and len(self._channels_of_staterror(modifier["name"])) == 1

    def _combined_error(self, channel: Json, name: str) -> list[float]:
        carriers = [(s, m) for c, s, m in self._modifiers("staterror") if c is channel and m["name"] == name]
        result = []
        for i in range(len(carriers[0][0]["data"])):
            total = sum(s["data"][i] for s, _ in carriers)
            error = sqrt(sum(m["data"][i] ** 2 for _, m in carriers))
            result.append(error / total if total > 0 else 0.0)
        return result

    # ---------------------------------------------------------------- settings of the measurement
    def _settings(self, measurement: Any) -> None:
        norm_factors = self._norm_factors()
        for name, config in self.settings.items():
            root_names = [name] if name in norm_factors else self.root_names.get(name, [])
            if not root_names:
                continue  # settings of a parameter that no modifier uses
            if name != "lumi" and (config.keys() & {"auxdata", "sigmas", "factors"}):
                raise ModelError(f"parameter {name!r}: ROOT cannot be told another constraint")
            if config.get("fixed", False):
                for root_name in root_names:
                    measurement.AddConstantParam(root_name)
            if name in norm_factors:
                continue
            if len(self._channels_of_staterror(name)) > 1 and (config.keys() & {"inits", "bounds"}):
                raise ModelError(f"staterror {name!r} over several channels: inits and bounds are not supported")
            offset, scale = self._affine(name)
            for root_name, value in zip(root_names, config.get("inits", ()), strict=False):
                if (value - offset) / scale != self._default_init(root_name):
                    measurement.SetParamValue(root_name, (value - offset) / scale)
            for root_name, (low, high) in zip(root_names, config.get("bounds", ()), strict=False):
                self.ranges[root_name] = ((low - offset) / scale, (high - offset) / scale)

    def _norm_factors(self) -> set[str]:
        return {m["name"] for _, _, m in self._modifiers("normfactor")}

    def _affine(self, name: str) -> tuple[float, float]:
        for entry in self.parametrisation if name == "lumi" else ():
            return entry.offset, entry.scale
        return 0.0, 1.0

    def _default_init(self, root_name: str) -> float:
        if root_name == "Lumi":
            return self._lumi_numbers()[0]
        return 0.0 if root_name.startswith("alpha_") else 1.0
