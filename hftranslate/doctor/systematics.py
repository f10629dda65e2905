"""All systematics of a workspace, one by one: what each does to each sample, what is suspicious, what may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hftranslate.display.speaking import Cell, Result, Table, counted, plain
from hftranslate.doctor.shapes import shape_findings
from hftranslate.doctor.variations import variation_findings, variations
from hftranslate.editing.negligible import PruningEffect, negligible, pruning_effects, without
from hftranslate.errors import InputError
from hftranslate.likelihood.cells import Floats
from hftranslate.workspace import MODIFIER_TYPES, Numbers, StatError, Workspace
from hftranslate.workspace.parameter_names import declared_parameters

#: Words for findings of the doctor, on a place.
FLAGS = {
    "normsys-not-positive": "not positive",
    "one-sided": "same side",
    "half-variation": "one-sided",
    "noisy-variation": "noisy",
    "statistics-dominated-variation": "statistics",
    "huge-variation": "huge",
    "huge-variation-of-small-sample": "huge in a small sample",
    "shape-not-normalised": "not normalised",
    "variation-without-effect": "no effect",
    "systematic-without-effect": "no effect",
    "duplicated-systematic": "duplicated",
}
#: Fractions of a bin's total below which effects are looked at as negligible.
THRESHOLDS = (0.0005, 0.001, 0.002, 0.005, 0.01)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SampleVariation(Result):
    """What one systematic does to one sample.

    Attributes
    ----------
    types
        of its modifiers: histosys, normsys.
    edges
        bin edges of the channel, ``None`` where they are not known or of several axes.
    nominal, down, up
        events, and those at -1 and +1 standard deviation, ``(n_bins,)``.
    statistics
        uncertainty of nominal from its statistics (StatError), ``(n_bins,)``; ``None`` where the model has none.
    effect
        the largest change of a bin, as a fraction of the bin's total of all samples.
    flags
        what the doctor finds suspicious: values of :data:`FLAGS`.
    negligible
        whether pruning at the chosen threshold leaves it out.
    """

    channel: str
    sample: str
    systematic: str
    types: tuple[str, ...]
    edges: Numbers | None
    nominal: Floats
    down: Floats
    up: Floats
    statistics: Floats | None
    effect: float
    flags: tuple[str, ...]
    negligible: bool

    @property
    def norms(self) -> tuple[float, float]:
        """Changes of the sum of all bins at -1 and +1 standard deviation, as fractions; NaN of nothing."""
        total = float(self.nominal.sum())
        down, up = (float(v.sum()) / total - 1.0 if total else np.nan for v in (self.down, self.up))
        return down, up

    def headline(self) -> str:
        """The most important in a line."""
        down, up = self.norms
        flags = f" ({', '.join(self.flags)})" if self.flags else ""
        return f"{self.systematic} on {self.sample} in {self.channel}: {down:+.2%} / {up:+.2%}{flags}"

    def tables(self) -> tuple[Table, ...]:
        """A line for each bin."""
        rows: list[tuple[Cell, ...]] = [
            (str(b), *map(float, values)) for b, values in enumerate(zip(self.nominal, self.down, self.up, strict=True))
        ]
        return (Table(caption=self.headline(), columns=("bin", "nominal", "down", "up"), rows=rows),)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "channel": self.channel,
            "sample": self.sample,
            "systematic": self.systematic,
            "types": list(self.types),
            "edges": None if self.edges is None else list(self.edges),
            "nominal": self.nominal.tolist(),
            "down": self.down.tolist(),
            "up": self.up.tolist(),
            "statistics": None if self.statistics is None else self.statistics.tolist(),
            "norms": [plain(x) for x in self.norms],
            "effect": self.effect,
            "flags": list(self.flags),
            "negligible": self.negligible,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What pruning at one threshold would leave out: modifiers, and parameters that no modifier is left of."""

    threshold: float
    modifiers: int
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Systematics(Result):
    """All systematics of a workspace, sample by sample, with a preview of pruning.

    Attributes
    ----------
    variations
        of each systematic, channel and sample, in the order of the workspace.
    threshold
        below which fraction of a bin's total a change is negligible.
    previews
        what other thresholds would leave out, and this one.
    effects
        what pruning at the threshold does to the likelihood, for each measurement.
    """

    variations: tuple[SampleVariation, ...]
    threshold: float
    previews: tuple[Preview, ...]
    effects: tuple[PruningEffect, ...]

    def by_name(self) -> dict[str, tuple[SampleVariation, ...]]:
        """The variations of each systematic, that with the largest effect first."""
        found: dict[str, list[SampleVariation]] = {}
        for v in self.variations:
            found.setdefault(v.systematic, []).append(v)
        ranked = sorted(found.items(), key=lambda item: -max(v.effect for v in item[1]))
        return {name: tuple(vs) for name, vs in ranked}

    def headline(self) -> str:
        """The most important in a line."""
        flagged, gone = (sum(map(test, self.variations)) for test in (lambda v: bool(v.flags), lambda v: v.negligible))
        number = counted(len(self.by_name()), "systematic")
        return (
            f"{number} on {len(self.variations)} samples: {flagged} flagged, {gone} below {self.threshold:g} of a bin"
        )

    def tables(self) -> tuple[Table, ...]:
        """A line for each systematic, that with the largest effect first."""
        rows: list[tuple[Cell, ...]] = []
        for name, of_it in self.by_name().items():
            flags = dict.fromkeys(flag for v in of_it for flag in v.flags)
            types = dict.fromkeys(t for v in of_it for t in v.types)
            gone = sum(v.negligible for v in of_it)
            effect = max(v.effect for v in of_it)
            rows.append((name, "+".join(types), str(len(of_it)), f"{effect:.2%}", str(gone), ", ".join(flags)))
        columns = ("systematic", "types", "samples", "largest effect", "negligible", "flags")
        note = f"effects are changes of a bin's total; negligible: below {self.threshold:g} (prune --negligible)"
        return (Table(caption=self.headline(), columns=columns, rows=rows, note=note),)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "threshold": self.threshold,
            "variations": [v.to_dict() for v in self.variations],
            "pruning": [
                {"threshold": p.threshold, "modifiers": p.modifiers, "parameters": list(p.parameters)}
                for p in self.previews
            ],
            "effects": [{"measurement": e.measurement, "nll": e.nll, "cls": e.cls} for e in self.effects],
        }


def systematics(workspace: Workspace, threshold: float = 0.001) -> Systematics:
    """What NormSys and HistoSys do to each sample, what the doctor says of it, and what pruning would leave out.

    Parameters
    ----------
    workspace
        the model.
    threshold
        below which fraction of a bin's total a systematic is negligible (:func:`hftranslate.editing.negligible`).

    Returns
    -------
    Systematics
        of each systematic, sample and channel the templates in events, with findings and what pruning would do.

    Raises
    ------
    InputError
        The threshold is no such fraction, or names of modifiers contradict each other.
    """
    flags = flags_by_place(workspace)
    places = {(n.channel, n.sample, n.modifier): n for n in negligible(workspace, threshold)}
    found = []
    for v in variations(workspace):
        errors = next((np.array(m.data, dtype=float) for m in v.sample.modifiers if isinstance(m, StatError)), None)
        sizes = np.maximum(np.abs(v.of_total(v.low)), np.abs(v.of_total(v.high))).max(axis=1)
        edges = v.channel.edges
        for k, name in enumerate(v.parameters):
            at = (v.channel.name, v.sample.name, name)
            found.append(
                SampleVariation(
                    channel=at[0],
                    sample=at[1],
                    systematic=name,
                    types=tuple(MODIFIER_TYPES[type(m)] for m in v.modifiers[k]),
                    edges=edges[0] if edges is not None and len(edges) == 1 else None,
                    nominal=v.nominal,
                    down=v.nominal + v.low[k],
                    up=v.nominal + v.high[k],
                    statistics=errors,
                    effect=float(sizes[k]),
                    flags=tuple(dict.fromkeys((*flags.get(at, ()), *flags.get((None, None, name), ())))),
                    negligible=at in places,
                )
            )
    return Systematics(
        variations=tuple(found),
        threshold=threshold,
        previews=tuple(_preview(workspace, t) for t in sorted({*THRESHOLDS, threshold})),
        effects=_effects(workspace, threshold),
    )


def flags_by_place(workspace: Workspace) -> Mapping[tuple[str | None, str | None, str | None], list[str]]:
    """The doctor's words about each channel, sample and systematic; those about one everywhere have its name only."""
    found: dict[tuple[str | None, str | None, str | None], list[str]] = {}
    for finding in (*variation_findings(workspace), *shape_findings(variations(workspace))):
        for place in finding.places:
            found.setdefault((place.channel, place.sample, place.parameter), []).append(FLAGS[finding.kind])
    return found


def _preview(workspace: Workspace, threshold: float) -> Preview:
    found = negligible(workspace, threshold)
    left = declared_parameters(without(workspace, found).channels)
    gone = tuple(name for name in declared_parameters(workspace.channels) if name not in left)
    return Preview(threshold=threshold, modifiers=len(found), parameters=gone)


def _effects(workspace: Workspace, threshold: float) -> tuple[PruningEffect, ...]:
    found = negligible(workspace, threshold)
    if not found:
        return ()
    try:
        return pruning_effects(workspace, without(workspace, found))
    except InputError:  # no likelihood can be made of it: the doctor says why
        return ()
