"""pyhf's model: a specification that our engine evaluates."""

from copy import deepcopy
from dataclasses import replace
from functools import partial, partialmethod
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

import numpy as np

from hftranslate import likelihood
from hftranslate.errors import InputError
from hftranslate.pyhf import exceptions, schema
from hftranslate.pyhf.probability import poisson_logpdf
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
        self.name, self.is_scalar, self.names, self.n_parameters = of.name, of.kind != "gamma", of.names, len(of.names)
        self.suggested_init, self.suggested_bounds = list(of.inits), list(of.bounds)
        self.suggested_fixed = list(of.fixed)
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

    def __init__(self, channels: Any, sets: list[Paramset], modifier_settings: Any, poi_name: str | None) -> None:
        super().__init__(channels=channels)
        self.modifier_settings, self.par_order = modifier_settings, [s.name for s in sets]
        self.parameters, places = sorted(self.par_order), _slices(s.n_parameters for s in sets)
        self.par_map = {s.name: {"slice": p, "paramset": s} for s, p in zip(sets, places, strict=True)}
        self.auxdata_order = [s.name for s in sets if s.constrained]
        self.par_names, self.auxdata = self._all("names"), self._all("auxdata")
        self.npars, self.nauxdata = len(self.par_names), len(self.auxdata)
        self.nmaindata = sum(self.channel_nbins.values())
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
        self.config = ModelConfig(self.spec["channels"], list(map(Paramset, sets.values())), settings, poi_name or None)
        self.main_model = SimpleNamespace(expected_data=self.rates)
        scales = SimpleNamespace(batched_factors=[self.engine.constraints.scale])
        self.constraint_model = SimpleNamespace(constraints_poisson=scales)
        self.fullpdf_tv = SimpleNamespace(split=partial(np.split, indices_or_sections=[self.config.nmaindata], axis=-1))

    def split(self, data: Any) -> likelihood.Data:
        """The engine's data set of one vector of main and auxiliary data."""
        return self.engine.data(*self.fullpdf_tv.split(np.asarray(data, dtype=np.float64)))

    def rates(self, pars: Any, return_by_sample: bool = False) -> Any:
        """Expected events ``(n_bins,)``, or those of each sample ``(n_samples, n_bins)``."""
        values = np.asarray(pars, dtype=np.float64)
        return self._by_sample(self.engine.state(values).nu) if return_by_sample else self.engine.rates(values)

    expected_actualdata = rates

    def _by_sample(self, cells: Any) -> Any:
        config, rates = self.config, np.zeros((len(self.config.samples), self.config.nmaindata))
        parts = zip(self.engine.channels, self.engine.samples, self.engine.blocks(cells), strict=True)
        for (channel, _), samples, block in parts:
            rates[[config.samples.index(s) for s in samples], config.channel_slices[channel]] = block
        return rates

    @property
    def nominal_rates(self) -> Any:
        """Expected events without modifiers, ``(1, n_samples, 1, n_bins)``."""
        return self._by_sample(self.engine.cells.nominal)[None, :, None, :]

    def make_pdf(self, pars: Any) -> "Density":
        """The density of all data at a point."""
        return Density(self, np.asarray(pars, dtype=np.float64))

    def expected_data(self, pars: Any, include_auxdata: bool = True) -> Any:
        """Expected events, and with them the expected auxiliary data."""
        events = self.engine.rates(pars)
        return np.concatenate([events, self.expected_auxdata(pars)]) if include_auxdata else events

    def expected_auxdata(self, pars: Any) -> Any:
        """Expected auxiliary data."""
        return self.engine.constraints.expected(np.asarray(pars, dtype=np.float64), self.config.nauxdata)

    def mainlogpdf(self, maindata: Any, pars: Any) -> Any:
        """The logarithm of the density of the events."""
        return np.sum(poisson_logpdf(maindata, self.engine.rates(pars)), axis=-1)

    def constraint_logpdf(self, auxdata: Any, pars: Any) -> Any:
        """The logarithm of the density of the auxiliary data."""
        values, constraints = np.asarray(auxdata, dtype=np.float64), self.engine.constraints
        return np.asarray(-constraints.saturated(values) - constraints.excess(np.asarray(pars), values))

    def logpdf(self, pars: Any, data: Any) -> Any:
        """The logarithm of the density of all data, ``(1,)``."""
        return np.array([self.engine.logpdf(pars, self.split(data))])

    def pdf(self, pars: Any, data: Any) -> Any:
        """The density of all data, ``(1,)``."""
        return np.exp(self.logpdf(pars, data))


class Density:
    """The density of all data of a model at a point."""

    def __init__(self, model: Model, pars: Any) -> None:
        self._model, self._pars = model, pars

    def expected_data(self) -> Any:
        """What is expected."""
        return self._model.expected_data(self._pars)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Pseudo-experiments by NumPy's global generator, ``(*sample_shape, n_data)``."""
        generator: Any = np.random
        toys = self._model.engine.sample(self._pars, int(np.prod(sample_shape)), generator)
        return np.hstack(toys).reshape(*sample_shape, -1)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density of each data set ``(..., n_data)``."""
        return np.apply_along_axis(lambda data: self._model.logpdf(self._pars, data)[0], -1, value)


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
