"""pyhf's workspace: a document that is a dictionary, its models and data, and what makes others of it."""

import logging
from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar

from hftranslate import editing, errors
from hftranslate.editing.combining import JOINS
from hftranslate.formats.json_patch import patched
from hftranslate.formats.pyhf_json import to_document
from hftranslate.pyhf import exceptions, schema
from hftranslate.pyhf.pdf import ChannelSummary, Model

_log = logging.getLogger(__name__)


def _edited(edit: Callable[..., Any], *documents: Any, **options: Any) -> Any:
    """The document of what a function of :mod:`hftranslate.editing` makes of others."""
    try:
        return to_document(edit(*(schema.read(dict(d)) for d in documents), **options))
    except errors.InputError as error:
        if isinstance(error, errors.InvalidWorkspace) and len(documents) == 1:  # what is left breaks the schema
            raise exceptions.InvalidSpecification(error, "workspace.json") from None
        raise exceptions.InvalidWorkspaceOperation(f"of channels, observations or measurements: {error}") from None


def _observed(document: Any) -> dict[str, Any]:
    """A document with an observation of every channel; of a channel that has none, without events."""
    told = {o["name"] for o in document["observations"]}
    others = (c for c in document["channels"] if c["name"] not in told)
    nothing = [{"name": c["name"], "data": [0.0] * len(c["samples"][0]["data"])} for c in others]
    return {**document, "observations": [*document["observations"], *nothing]}


class Workspace(ChannelSummary, dict[str, Any]):
    """A workspace document with its models, its data, and new workspaces made of it."""

    valid_joins: ClassVar[list[str]] = list(JOINS)

    def __init__(self, spec: Any, validate: bool = True, **config_kwargs: Any) -> None:
        spec = deepcopy(dict(spec))
        self.schema = config_kwargs.pop("schema", "workspace.json")
        self.version = config_kwargs.pop("version", spec.get("version"))
        if config_kwargs:
            raise exceptions.Unsupported(f"Unsupported options were passed in: {list(config_kwargs)}.")
        if validate:
            schema.validate(spec, self.schema, version=self.version)
        super().__init__(spec, channels=spec["channels"])
        self.measurement_names = [m["name"] for m in self.get("measurements", [])]
        self.observations = {o["name"]: o["data"] for o in self["observations"]}

    def __repr__(self) -> str:
        return object.__repr__(self)

    def get_measurement(self, measurement_name: str | None = None, measurement_index: int | None = None) -> Any:
        """A measurement by its name, or by its place; the first one by default."""
        names, name, place = self.measurement_names, measurement_name, measurement_index
        if not names:
            raise exceptions.InvalidMeasurement("No measurements have been defined.")
        if name is None and place is None and len(names) > 1:
            _log.warning("multiple measurements defined. Taking the first measurement.")
        try:
            measurement = self["measurements"][range(len(names))[place or 0] if name is None else names.index(name)]
        except (IndexError, ValueError):
            wanted = f"index {place} is out of bounds" if name is None else f"by name '{name}' was not found"
            raise exceptions.InvalidMeasurement(f"measurement {wanted}; there are {len(names)}: {names}") from None
        schema.validate(measurement, "measurement.json", version=self.version)
        return measurement

    def model(
        self, measurement_name: Any = None, measurement_index: Any = None, patches: Any = None, **config_kwargs: Any
    ) -> Model:
        """The model of a measurement, with patches applied to its channels and parameters."""
        config = self.get_measurement(measurement_name, measurement_index)["config"]
        spec = {"channels": self["channels"], "parameters": config["parameters"]}
        for patch in patches or []:
            spec = patched(spec, list(patch))
        return Model(spec, **{"poi_name": config["poi"], **config_kwargs})

    def data(self, model: Model, include_auxdata: bool = True) -> list[float]:
        """Observed events in the order of a model, and its auxiliary data."""
        observed = [n for channel in model.config.channels for n in self.observations[channel]]
        return observed + (model.config.auxdata if include_auxdata else [])

    def prune(self, modifiers: Any = (), **lists: Any) -> "Workspace":
        """Without what lists of ``modifiers``, ``modifier_types``, ``samples``, ``channels``, ``measurements`` name."""
        gone = {what: list(names or ()) for what, names in {"modifiers": modifiers, **lists}.items()}
        return Workspace(_edited(editing.prune, self, **gone))

    def rename(
        self, modifiers: Any = None, samples: Any = None, channels: Any = None, measurements: Any = None
    ) -> "Workspace":
        """With new names, by the old ones."""
        names = {"modifiers": modifiers, "samples": samples, "channels": channels, "measurements": measurements}
        return Workspace(_edited(editing.rename, self, **names))

    @classmethod
    def combine(cls, left: Any, right: Any, join: str = "none", merge_channels: bool = False) -> "Workspace":
        """Two workspaces joined in one of the ways of :attr:`valid_joins`."""
        if join in ("left outer", "right outer"):
            _log.warning("You are using an unsafe join operation, which hides what 'outer' would refuse.")
        told = {o["name"] for workspace in (left, right) for o in workspace["observations"]}
        both = _edited(editing.combine, *map(_observed, (left, right)), join=join, merge_channels=merge_channels)
        return cls(both | {"observations": [o for o in both["observations"] if o["name"] in told]})

    @classmethod
    def sorted(cls, workspace: Any) -> "Workspace":
        """The same in alphabetical order."""
        return cls(_edited(editing.sort, workspace))

    @classmethod
    def build(cls, model: Model, data: Any, name: str = "measurement", validate: bool = True) -> "Workspace":
        """The workspace of a model and its data."""
        config = model.config
        parameters = [
            {"name": n, "inits": s.suggested_init, "bounds": s.suggested_bounds, "fixed": s.suggested_fixed_as_bool}
            for n, s in zip(config.par_order, map(config.param_set, config.par_order), strict=True)
        ]
        measurement = {"name": name, "config": {"poi": config.poi_name, "parameters": parameters}}
        observations = [{"name": c, "data": list(data[config.channel_slices[c]])} for c in config.channels]
        spec = {"channels": deepcopy(model.spec["channels"]), "version": schema.version}
        return cls(spec | {"measurements": [measurement], "observations": observations}, validate=validate)
