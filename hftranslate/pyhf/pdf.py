"""pyhf's model: a specification that our engine evaluates."""

from copy import deepcopy
from dataclasses import replace
from functools import partialmethod
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

import numpy as np

from hftranslate import likelihood
from hftranslate.errors import InputError
from hftranslate.pyhf import exceptions, probability, schema
from hftranslate.workspace import PYHF, HistoSys, NormSys, ParameterSet, Workspace, parameter_sets
from hftranslate.workspace.map import map_modifiers

#: The interpolations that pyhf has, by type of modifier, its default first.
_CODES = {"normsys": ("code4", "code1"), "histosys": ("code4p", "code0", "code2")}


class ChannelSummary:
    """Names of channels, samples and modifiers, each sorted, and the bins of channels."""

    def __init__(self, *args: Any, channels: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        samples = [s for c in channels for s in c["samples"]]
        self.channel_nbins = {c["name"]: len(c["samples"][0]["data"]) for c in sorted(channels, key=itemgetter("name"))}
        self._channels = list(self.channel_nbins)
        self.samples = sorted({s["name"] for s in samples})
        self.modifiers = sorted({(m["name"], m["type"]) for s in samples for m in s["modifiers"]})
        self.channel_slices = dict(zip(self._channels, _slices(self.channel_nbins.values()), strict=True))

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in the order of the data."""
        return self._channels


def _slices(sizes: Any) -> list[slice]:
    stops = np.cumsum(list(sizes)).tolist()
    return list(map(slice, [0, *stops], stops))


class Paramset:
    """A parameter, or one per bin, with pyhf's attributes; ``pdf_type`` is ``None`` without a constraint."""

    def __init__(self, of: ParameterSet) -> None:
        constraints = [c for c in of.constraints if c is not None]
        poisson, widths = any(c.kind == "poisson" for c in constraints), [c.width for c in constraints]
        self.name, self.is_scalar, self.n_parameters = of.name, of.kind != "gamma", len(of.inits)
        self.suggested_init, self.suggested_fixed = list(of.inits), list(of.fixed)
        self.suggested_bounds = list(of.bounds)
        self.constrained, self.auxdata = bool(constraints), [c.auxdata for c in constraints]
        self.pdf_type = ("poisson" if poisson else "normal") if constraints else None
        self.factors, self.sigmas = (widths, []) if poisson else ([], widths)

    @property
    def suggested_fixed_as_bool(self) -> bool:
        """Whether they are constant, where all agree."""
        if len(set(self.suggested_fixed)) > 1:
            raise RuntimeError(f"{self.suggested_fixed} is neither all-True nor all-False, so not compressible")
        return self.suggested_fixed[0]

    def width(self) -> list[float]:
        """The widths of the constraints."""
        return [f**-0.5 for f in self.factors] if self.factors else self.sigmas


class ModelConfig(ChannelSummary):
    """What a model consists of, in the order of its parameters and data."""

    def __init__(self, channels: Any, sets: dict[str, Paramset], modifier_settings: Any, poi_name: str | None) -> None:
        super().__init__(channels=channels)
        self.modifier_settings, self.par_order, self.parameters = modifier_settings, list(sets), sorted(sets)
        places = _slices(s.n_parameters for s in sets.values())
        self.par_map = {s.name: {"slice": p, "paramset": s} for s, p in zip(sets.values(), places, strict=True)}
        names = ([s.name] if s.is_scalar else [f"{s.name}[{i}]" for i in range(s.n_parameters)] for s in sets.values())
        self.par_names = [name for of_set in names for name in of_set]
        self.auxdata_order, self.auxdata = [s.name for s in sets.values() if s.constrained], self._all("auxdata")
        self.npars, self.nauxdata, self.nmaindata = (
            len(self.par_names),
            len(self.auxdata),
            sum(self.channel_nbins.values()),
        )
        self.set_poi(poi_name)

    def _all(self, attribute: str) -> list[Any]:
        return [value for of in self.par_map.values() for value in getattr(of["paramset"], attribute)]

    suggested_init = partialmethod(_all, "suggested_init")
    suggested_bounds = partialmethod(_all, "suggested_bounds")
    suggested_fixed = partialmethod(_all, "suggested_fixed")

    def param_set(self, name: str) -> Any:
        """A parameter set by its name."""
        return self.par_map[name]["paramset"]

    def par_slice(self, name: str) -> Any:
        """Where a parameter set is in the vector of parameters."""
        return self.par_map[name]["slice"]

    def set_poi(self, name: str | None) -> None:
        """Choose the parameter of interest; ``None`` for none."""
        if name is not None and (name not in self.par_map or self.param_set(name).n_parameters > 1):
            raise exceptions.InvalidModel(f"The model has no single parameter '{name}' to be of interest.")
        self.poi_name, self.poi_index = name, None if name is None else self.par_slice(name).start


class Model:
    """A likelihood with pyhf's methods; ``engine`` is ours, of the same parameters, bins and auxiliary data."""

    def __init__(self, spec: Any, batch_size: None = None, validate: bool = True, **config_kwargs: Any) -> None:
        self.spec, self.batch_size, options = deepcopy(spec), batch_size, dict(config_kwargs)
        self.schema, self.version = options.pop("schema", "model.json"), options.pop("version", None)
        poi_name, settings = options.pop("poi_name", "mu"), options.pop("modifier_settings", {})
        unknown = [key for key, value in [("batch_size", batch_size), *options.items()] if value is not None]
        if unknown:
            raise exceptions.Unsupported(f"Unsupported options were passed in: {unknown}.")
        codes = _codes(settings)
        try:
            workspace = _workspace(self.spec, codes)
            sets = parameter_sets(workspace, workspace.measurement(None), PYHF)
            self.engine, _ = likelihood.compile_model(workspace)
        except (InputError, LookupError, TypeError) as error:
            if validate:
                schema.validate(self.spec, self.schema, version=self.version)
            raise exceptions.InvalidModel(str(error)) from None
        if not sets:
            raise exceptions.InvalidModel("No parameters specified for the Model.")
        paramsets = {name: Paramset(s) for name, s in sets.items()}
        self.config = ModelConfig(self.spec["channels"], paramsets, settings, poi_name or None)
        self.main_model, self.constraint_model = MainModel(self), ConstraintModel(self.config)
        parts = np.split(np.arange(self.config.nmaindata + self.config.nauxdata), [self.config.nmaindata])
        self.fullpdf_tv = probability.TensorViewer(parts if self.config.nauxdata else parts[:1])

    def split(self, data: Any) -> likelihood.Data:
        """The engine's data set of one vector of main and auxiliary data."""
        main = self.config.nmaindata
        values = _vector("data", data, main + self.config.nauxdata, exceptions.InvalidPdfData)
        try:
            return self.engine.data(values[:main], values[main:])
        except InputError as error:
            raise exceptions.InvalidPdfData(str(error)) from None

    def point(self, pars: Any) -> Any:
        """A vector of the model's parameters."""
        return _vector("pars", pars, self.config.npars, exceptions.InvalidPdfParameters)

    @property
    def nominal_rates(self) -> Any:
        """Expected events without modifiers, ``(1, n_samples, 1, n_bins)``."""
        return self.main_model.by_sample(self.engine.cells.nominal)[None, :, None, :]

    def make_pdf(self, pars: Any) -> probability.Simultaneous:
        """The density of all data at a point: that of the events, and that of the auxiliary data."""
        values = self.point(pars)
        densities: list[Any] = [probability.Independent(probability.Poisson(self.engine.rates(values)))]
        if self.config.nauxdata:
            densities.append(self.constraint_model.make_pdf(values))
        return probability.Simultaneous(densities, self.fullpdf_tv)

    def expected_data(self, pars: Any, include_auxdata: bool = True) -> Any:
        """Expected events, and with them the expected auxiliary data."""
        return self.make_pdf(pars).expected_data() if include_auxdata else self.expected_actualdata(pars)

    def expected_actualdata(self, pars: Any) -> Any:
        """Expected events."""
        return self.main_model.expected_data(pars)

    def expected_auxdata(self, pars: Any) -> Any:
        """Expected auxiliary data."""
        return self.make_pdf(pars)[1].expected_data()

    def mainlogpdf(self, maindata: Any, pars: Any) -> Any:
        """The logarithm of the density of the events."""
        return self.make_pdf(pars)[0].log_prob(maindata)

    def constraint_logpdf(self, auxdata: Any, pars: Any) -> Any:
        """The logarithm of the density of the auxiliary data."""
        return self.make_pdf(pars)[1].log_prob(auxdata)

    def logpdf(self, pars: Any, data: Any) -> Any:
        """The logarithm of the density of all data, ``(1,)``."""
        return np.array([self.engine.logpdf(self.point(pars), self.split(data))])

    def pdf(self, pars: Any, data: Any) -> Any:
        """The density of all data, ``(1,)``."""
        return np.exp(self.logpdf(pars, data))


class ConstraintModel:
    """The density of the auxiliary data."""

    def __init__(self, config: ModelConfig) -> None:
        sets = [config.param_set(name) for name in config.auxdata_order]
        self._places = [i for s in sets for i in range(config.npars)[config.par_slice(s.name)]]
        self._widths = np.array([w for s in sets for w in (s.factors or s.sigmas)])
        self._normal = np.array([s.pdf_type == "normal" for s in sets for _ in s.auxdata], dtype=np.bool_)
        self.constraints_poisson = SimpleNamespace(batched_factors=[self._widths[~self._normal]])

    def make_pdf(self, pars: Any) -> probability.Simultaneous:
        """The density at a point; there has to be a constraint."""
        at, widths, normal = np.asarray(pars)[self._places], self._widths, self._normal
        gaussian, poisson = (at[normal], widths[normal]), (at * widths)[~normal]
        parts = (normal, probability.Normal(*gaussian)), (~normal, probability.Poisson(poisson))
        used = [(probability.Independent(density), np.flatnonzero(where)) for where, density in parts if where.any()]
        densities, places = zip(*used, strict=True)
        return probability.Simultaneous(densities, probability.TensorViewer(places))


class MainModel:
    """The expectation of the events."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def expected_data(self, pars: Any, return_by_sample: bool = False) -> Any:
        """Expected events ``(n_bins,)``, or those of each sample ``(n_samples, n_bins)``."""
        engine, values = self._model.engine, self._model.point(pars)
        return self.by_sample(engine.state(values).nu) if return_by_sample else engine.rates(values)

    def by_sample(self, cells: Any) -> Any:
        """Numbers of the engine's cells, ``(n_samples, n_bins)``."""
        engine, config = self._model.engine, self._model.config
        rates, start = np.zeros((len(config.samples), config.nmaindata)), 0
        for (channel, n), samples in zip(engine.channels, engine.samples, strict=True):
            block = cells[start : start + n * len(samples)].reshape(n, len(samples)).T
            rates[[config.samples.index(s) for s in samples], config.channel_slices[channel]] = block
            start += block.size
        return rates


def _vector(what: str, values: Any, n: int, error: type[Exception]) -> Any:
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (n,):
        raise error(f"eval failed as {what} has shape {vector.shape} but {n} was expected")
    return vector


def _codes(settings: Any) -> dict[type, Any]:
    """The interpolation of each type of modifier that has one."""
    normsys, histosys = (settings.get(word, {}).get("interpcode", known[0]) for word, known in _CODES.items())
    if normsys not in _CODES["normsys"] or histosys not in _CODES["histosys"]:
        raise exceptions.InvalidInterpCode(f"there is no such interpolation: {settings}; expected one of {_CODES}")
    return {NormSys: normsys, HistoSys: histosys}


def _workspace(spec: Any, codes: dict[type, Any]) -> Workspace:
    """Our workspace of a specification, its channels in the order of pyhf's data."""
    channels = sorted(spec["channels"], key=lambda c: str(c["name"]))
    document = {
        "channels": channels,
        "measurements": [{"name": "measurement", "config": {"poi": "", "parameters": spec.get("parameters", [])}}],
        "observations": [{"name": c["name"], "data": [0.0] * len(c["samples"][0]["data"])} for c in channels],
        "version": schema.version,
    }

    def modifier(_channel: Any, _sample: Any, m: Any) -> Any:
        return replace(m, interpolation=codes[type(m)]) if type(m) in codes else m

    return map_modifiers(schema.read(document), modifier)
