"""pyhf's workspace: a document that is a dictionary, its models and data, and what makes others of it."""

import logging
from collections import Counter
from copy import deepcopy
from typing import Any, ClassVar

from hftranslate.formats.json_patch import patched
from hftranslate.pyhf import exceptions, schema
from hftranslate.pyhf.pdf import ChannelSummary, Model

__all__ = ["Workspace"]

_log = logging.getLogger(__name__)

Items = list[dict[str, Any]]


def _join_items(join: str, left: Items, right: Items, key: str = "name", deep_merge_key: str | None = None) -> Items:
    first, second = (right, left) if join == "right outer" else (left, right)
    joined = deepcopy(first)
    keys = [item[key] for item in joined]
    for item in second:
        if deep_merge_key is not None and item[key] in keys:
            own = joined[keys.index(item[key])]
            own[deep_merge_key] = _join_items("left outer", own[deep_merge_key], item[deep_merge_key])
        elif join == "none" or (item not in first if join == "outer" else item[key] not in keys):
            joined.append(deepcopy(item))
    return joined


def _joined(what: str, join: str, left: Items, right: Items, deep_merge_key: str | None = None) -> Items:
    """Items of two workspaces, each name once."""
    joined = _join_items(join, left, right, deep_merge_key=deep_merge_key)
    again = [name for name, n in Counter(item["name"] for item in joined).items() if n > 1]
    if again and join in ("none", "outer"):
        raise exceptions.InvalidWorkspaceOperation(
            f"Workspaces cannot have {what} in common with the same name, unless they are equal and joined by 'outer': "
            f"{again}. You can also try a different join operation: {Workspace.valid_joins}."
        )
    return joined


def _join_measurements(join: str, left: Items, right: Items) -> Items:
    if join != "outer":
        return _joined("measurements", join, left, right)
    mine, other = {m["name"]: m for m in left}, {m["name"]: m for m in right}
    merged: Items = []
    for name, config in ((n, m["config"]) for n, m in (other | mine).items()):
        both = [of[name]["config"] for of in (mine, other) if name in of]
        if len({c["poi"] for c in both}) > 1:
            raise exceptions.InvalidWorkspaceOperation(
                f"Workspaces cannot have the same measurements with incompatible POI: {[name]}."
            )
        parameters = _join_parameter_configs(name, both[0]["parameters"], both[-1]["parameters"])
        merged.append({"name": name, "config": {"poi": config["poi"], "parameters": parameters}})
    return sorted(merged, key=lambda m: m["name"] not in mine)


def _join_parameter_configs(measurement_name: str, left: Items, right: Items) -> Items:
    return _joined(f"parameter configs of measurement {measurement_name!r}", "outer", left, right)


class Workspace(ChannelSummary, dict[str, Any]):
    """A workspace document with its models, its data, and new workspaces made of it."""

    valid_joins: ClassVar[list[str]] = ["none", "outer", "left outer", "right outer"]

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and dict(self) == dict(other)

    def __repr__(self) -> str:
        return object.__repr__(self)

    def get_measurement(self, measurement_name: str | None = None, measurement_index: int | None = None) -> Any:
        """A measurement by its name, or by its place; the first one by default."""
        if not self.measurement_names:
            raise exceptions.InvalidMeasurement("No measurements have been defined.")
        if measurement_name is not None:
            if measurement_name not in self.measurement_names:
                raise exceptions.InvalidMeasurement(f"no measurement by name '{measurement_name}' was found")
            measurement_index = self.measurement_names.index(measurement_name)
        elif measurement_index is None and len(self.measurement_names) > 1:
            _log.warning("multiple measurements defined. Taking the first measurement.")
        try:
            measurement = self["measurements"][measurement_index or 0]
        except IndexError:
            raise exceptions.InvalidMeasurement(
                f"The measurement index {measurement_index} is out of bounds as only "
                f"{len(self.measurement_names)} measurement(s) have been defined."
            ) from None
        schema.validate(measurement, "measurement.json", version=self.version)
        return measurement

    def model(
        self,
        measurement_name: str | None = None,
        measurement_index: int | None = None,
        patches: Any = None,
        **config_kwargs: Any,
    ) -> Model:
        """The model of a measurement, with patches applied to its channels and parameters."""
        config = self.get_measurement(measurement_name, measurement_index)["config"]
        spec = {"channels": self["channels"], "parameters": config["parameters"]}
        for patch in patches or []:
            spec = patched(spec, list(patch))
        return Model(spec, **{"poi_name": config["poi"], **config_kwargs})

    def data(self, model: Model, include_auxdata: bool = True) -> list[float]:
        """Observed events in the order of a model, and its auxiliary data."""
        try:
            observed = [n for channel in model.config.channels for n in self.observations[channel]]
        except KeyError:
            _log.error("Invalid channel: the workspace has no observation of one of the model's channels.")
            raise
        return observed + (model.config.auxdata if include_auxdata else [])

    def prune(
        self,
        modifiers: Any = (),
        modifier_types: Any = (),
        samples: Any = (),
        channels: Any = (),
        measurements: Any = (),
    ) -> "Workspace":
        """Without what these lists name."""
        return self._edited((modifiers, samples, channels, measurements), ({}, {}, {}, {}), modifier_types)

    def rename(
        self, modifiers: Any = None, samples: Any = None, channels: Any = None, measurements: Any = None
    ) -> "Workspace":
        """With new names, by the old ones."""
        return self._edited(((), (), (), ()), (modifiers, samples, channels, measurements), ())

    def _edited(self, without: tuple[Any, ...], names: tuple[Any, ...], types: Any) -> "Workspace":
        what = ("modifiers", "samples", "channels", "measurements")
        gone = dict(zip(what, (given or () for given in without), strict=True))
        new = dict(zip(what, (given or {} for given in names), strict=True))
        known = dict(
            zip(what, (dict(self.modifiers), self.samples, self.channels, self.measurement_names), strict=True)
        )
        asked = [(kind, name, known[kind]) for kind in what for name in (*gone[kind], *new[kind])]
        asked += [("modifier types", word, {t: None for _, t in self.modifiers}) for word in types or ()]
        for kind, name, there in asked:
            if name not in there:
                raise exceptions.InvalidWorkspaceOperation(f"{name} is not one of the {kind} in this workspace.")

        def kept(kind: str, items: Items) -> Items:
            return [i | {"name": new[kind].get(i["name"], i["name"])} for i in items if i["name"] not in gone[kind]]

        spec = deepcopy(dict(self))
        for channel in spec["channels"]:
            for sample in channel["samples"]:
                of_types = [m for m in sample["modifiers"] if m["type"] not in (types or ())]
                sample["modifiers"] = kept("modifiers", of_types)
            channel["samples"] = kept("samples", channel["samples"])
        for config in (m["config"] for m in spec["measurements"]):
            config["poi"] = new["modifiers"].get(config["poi"], config["poi"])
            config["parameters"] = kept("modifiers", config["parameters"])
        for key, kind in (("channels", "channels"), ("observations", "channels"), ("measurements", "measurements")):
            spec[key] = kept(kind, spec[key])
        return Workspace(spec)

    @classmethod
    def combine(cls, left: Any, right: Any, join: str = "none", merge_channels: bool = False) -> "Workspace":
        """Two workspaces joined in one of the ways of :attr:`valid_joins`."""
        if join not in Workspace.valid_joins or (merge_channels and join == "none"):
            raise ValueError(
                f"Workspaces must be joined, and channels merged, by one of the valid join operations "
                f"({Workspace.valid_joins[bool(merge_channels) :]}); not {join}"
            )
        if join in ("left outer", "right outer"):
            _log.warning("You are using an unsafe join operation, which hides what 'outer' would refuse.")
        if left["version"] != right["version"]:
            raise exceptions.InvalidWorkspaceOperation(
                f"Workspaces of different versions cannot be combined: {left['version']} != {right['version']}"
            )
        deep = "samples" if merge_channels else None
        return cls(
            {
                "channels": _joined("channels", join, left["channels"], right["channels"], deep),
                "measurements": _join_measurements(join, left["measurements"], right["measurements"]),
                "observations": _joined("observations", join, left["observations"], right["observations"]),
                "version": left["version"],
            }
        )

    @classmethod
    def sorted(cls, workspace: Any) -> "Workspace":
        """The same in alphabetical order."""
        spec = deepcopy(dict(workspace))
        lists = [spec[key] for key in ("channels", "measurements", "observations")]
        lists += [c["samples"] for c in spec["channels"]] + [m["config"]["parameters"] for m in spec["measurements"]]
        for items in lists + [s["modifiers"] for c in spec["channels"] for s in c["samples"]]:
            items.sort(key=lambda item: (item["name"], item.get("type")))
        return cls(spec)

    @classmethod
    def build(cls, model: Model, data: Any, name: str = "measurement", validate: bool = True) -> "Workspace":
        """The workspace of a model and its data."""
        config = model.config
        parameters = [
            {
                "bounds": [list(bound) for bound in s.suggested_bounds],
                "inits": s.suggested_init,
                "fixed": s.suggested_fixed_as_bool,
                "name": s.name,
            }
            for s in map(config.param_set, config.par_order)
        ]
        observations = [{"name": c, "data": list(data[config.channel_slices[c]])} for c in config.channels]
        spec = {
            "channels": deepcopy(model.spec["channels"]),
            "version": schema.version,
            "measurements": [{"name": name, "config": {"poi": config.poi_name, "parameters": parameters}}],
            "observations": observations,
        }
        return cls(spec, validate=validate)
