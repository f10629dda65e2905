"""What ROOT calls the objects that HistFactory makes of a model.

Names are put together from those of channels, samples and modifiers, and to ROOT two things of one name are one object:
the sample ``bkg`` of a channel ``SR_x`` and the sample ``bkg_SR`` of a channel ``x`` are both ``bkg_SR_x_shapes``. What
is evaluated then depends on which of them was made first, and on the bin in which another channel was left. Only
parameters may share a name and mean something by it (:mod:`hftranslate.workspace.parameter_names`).
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from hftranslate.workspace import (
    Channel,
    HistoSys,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.map import has
from hftranslate.workspace.parameter_names import stem

#: An object's name, and in words what it belongs to: the same words for the same object.
Named: TypeAlias = tuple[str, str]

#: Objects of every model.
OF_EVERY_MODEL = ("simPdf", "channelCat", "ModelConfig", "Lumi", "nominalLumi", "lumiConstraint", "0", "1", "100")
#: Up to here ROOT takes the name of a sample's first function to make that of the product of all of them.
CUT_OFF = "Hist_alpha"
_SYSTEMATICS = frozenset((HistoSys, NormSys))


def objects_of_channel(channel: Channel, name: str) -> Iterator[str]:
    """Names of the objects that belong to a channel of that name as a whole."""
    yield from (f"{name}_model", f"{name}_model_binWidth", f"model_{name}")
    yield from (f"obs_{letter}_{name}" for letter, _ in zip("xyz", channel.edges or ((),), strict=False))
    if any(has(s, StatError) for s in channel.samples):
        yield f"mc_stat_{name}"


def objects_of_sample(channel: str, sample: str, n_histosys: int) -> Iterator[str]:
    """Names of the objects that belong to a sample of a channel."""
    whole = f"{sample}_{channel}"
    yield from (f"{whole}_epsilon", f"{whole}_scaleFactors", f"{whole}_Hist_alphanominal")
    yield f"{whole}_Hist_alpha".partition(CUT_OFF)[0] + "shapes"
    if n_histosys:
        yield f"{whole}_Hist_alpha"
        yield from (f"{whole}_Hist_alpha_{i}{side}" for i in range(n_histosys) for side in ("low", "high"))


def object_of_shape(channel: str, kind: type[ShapeSys | ShapeFactor], name: str) -> str:
    """The function of a channel's bin factors."""
    return f"{channel}_{name}_{'ShapeSys' if kind is ShapeSys else 'shapeFactor'}"


def objects_of_systematic(name: str) -> tuple[str, ...]:
    """The parameter of a NormSys or HistoSys, and its constraint."""
    return f"alpha_{name}", f"nom_alpha_{name}", f"alpha_{name}Constraint"


def objects_of_term(name: str) -> tuple[str, ...]:
    """What a Gamma or LogNormal term makes of a systematic."""
    gamma = (f"beta_{name}", f"nom_beta_{name}", f"beta_{name}Constraint", f"k_nom_beta_{name}", f"theta_{name}")
    return (*gamma, f"alphaOfBeta_{name}", f"tau_{name}", f"kappa_{name}")


def objects_of_bin_factor(root_name: str) -> tuple[str, ...]:
    """A bin factor and its constraint."""
    constraint = (f"{root_name}_{word}" for word in ("constraint", "sigma", "tau", "poisMean"))
    return (root_name, f"nom_{root_name}", *constraint)


def objects_of_model(
    channels: Iterable[Channel], terms: Iterable[str], bin_factors: Iterable[str], constants: Iterable[float]
) -> Iterator[Named]:
    """The objects of a model, but for norm factors, each as often as a part of the model makes it; systematics once.

    Parameters
    ----------
    terms
        the systematics with a Gamma or LogNormal term.
    bin_factors
        ROOT's names of all bin factors.
    constants
        numbers besides zero, one and a hundred, which ROOT makes objects of: the width of the luminosity.
    """
    yield from ((name, "every model") for name in (*OF_EVERY_MODEL, *(f"{x:g}" for x in constants)))
    yield from ((name, f"the constraint term of {t!r}") for t in terms for name in objects_of_term(t))
    yield from ((name, f"bin factor {root!r}") for root in bin_factors for name in objects_of_bin_factor(root))
    systematics: set[str] = set()
    for c in channels:
        yield from _each(objects_of_channel(c, c.name), f"channel {c.name!r}")
        for s in c.samples:
            kinds = list(map(type, s.modifiers))
            named = objects_of_sample(c.name, s.name, kinds.count(HistoSys))
            yield from _each(named, f"channel {c.name!r}, sample {s.name!r}")
            for m in s.modifiers:
                if isinstance(m, (ShapeSys, ShapeFactor)):
                    yield object_of_shape(c.name, type(m), stem(m)), f"channel {c.name!r}, bin factors {stem(m)!r}"
            for name in [stem(m) for m, kind in zip(s.modifiers, kinds, strict=True) if kind in _SYSTEMATICS]:
                if name not in systematics:
                    systematics.add(name)
                    yield from ((made, f"systematic {name!r}") for made in objects_of_systematic(name))


def _each(names: Iterable[str], owner: str) -> Iterator[Named]:
    """Objects that are all different, whatever their names: a channel ``model`` has two that are ``model_model``."""
    seen: set[str] = set()
    for name in names:
        yield name, f"{owner} (another)" if name in seen else owner
        seen.add(name)


def first_clash(named: Iterable[Named]) -> tuple[str, str, str] | None:
    """The first name of two different things, and what they are."""
    owners: dict[str, str] = {}
    for name, owner in named:
        other = owners.setdefault(name, owner)
        if other != owner:
            return name, other, owner
    return None
