"""The account of a translation: what its steps give up, and what that does to the likelihood."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hftranslate.batch.progress import Progress
from hftranslate.difference.likelihood_change import cls_difference, likelihood_differences
from hftranslate.display import terminal
from hftranslate.errors import TranslationLoss
from hftranslate.formats.outcomes import Outcome, outcome_lines
from hftranslate.formats.rewriting import Step
from hftranslate.workspace import Conventions, Workspace

#: Up to this effect on the NLL a convention passes a strict translation, and no fits are made to see its effect on CLs.
NEGLIGIBLE = 1e-6


def rewrite(
    workspace: Workspace, steps: Iterable[Step], measure: bool, progress: Progress
) -> tuple[Workspace, tuple[Outcome, ...]]:
    """The workspace after all steps, with the effect of each step that loses something."""
    account: list[Outcome] = []
    for step in steps:
        after, outcomes = step.apply(workspace)
        if measure and any(o.kind == "loss" for o in outcomes):
            [(effect, effect_on_cls)] = _effects(workspace, [after], progress)
            outcomes = tuple(
                replace(o, effect=effect, effect_on_cls=effect_on_cls) if o.kind == "loss" else o for o in outcomes
            )
        account += outcomes
        workspace = after
    return workspace, tuple(account)


def _effects(
    before: Workspace, afters: Sequence[Workspace], progress: Progress
) -> list[tuple[float | None, float | None]]:
    """What each change does to NLL and CLs: the largest among all measurements; ``None`` where one has no value."""
    names = [m.name for m in afters[0].measurements]
    changes = [likelihood_differences(before, afters, name, progress=progress) for name in names]
    effects = []
    for i, (after, of_after) in enumerate(zip(afters, zip(*changes, strict=True), strict=True)):
        progress("effects on CLs", i, len(afters))
        effects.append(_effect(before, after, dict(zip(names, of_after, strict=True))))
    return effects


def _effect(before: Workspace, after: Workspace, changes: dict[str, float | None]) -> tuple[float | None, float | None]:
    known = {name: change for name, change in changes.items() if change is not None}
    if len(known) < len(changes):
        return None, None
    worst = max(known, key=known.__getitem__)
    effect = known[worst]
    if effect <= NEGLIGIBLE and before.functions == after.functions:  # without them, parameters mean something else
        return effect, None
    return effect, cls_difference(before, after, worst)


def carried_descriptions(workspace: Workspace, plain: Workspace) -> tuple[Outcome, ...]:
    """What has no meaning for the likelihood and no word in the target."""
    outcomes = []
    if any(c.edges is not None for c in workspace.channels) and all(c.edges is None for c in plain.channels):
        outcomes.append(Outcome(kind="carried", where="channels", what="bin edges"))
    lost = sorted(_annotation_keys(workspace) - _annotation_keys(plain))
    if lost:
        what = f"settings without effect on the likelihood: {', '.join(lost)}"
        outcomes.append(Outcome(kind="carried", where="workspace", what=what))
    return tuple(outcomes)


def _annotation_keys(workspace: Workspace) -> set[str]:
    places = [workspace.annotations, *(m.annotations for m in workspace.measurements)]
    for channel in workspace.channels:
        places += [channel.annotations, *(s.annotations for s in channel.samples)]
    return {key for place in places for key, _ in place}


_CONVENTIONS = {
    "clip_samples": "ROOT clips the bins of samples with HistoSys at zero, pyhf does not",
    "truncate_constraints": "ROOT normalises Gaussian constraints over the range of their global observable",
}


def foreign_rules(workspace: Workspace, target: Conventions, measure: bool, progress: Progress) -> tuple[Outcome, ...]:
    """What the reader of the target evaluates differently, with the effect of each; nothing where there is none."""
    different = [f for f in _CONVENTIONS if getattr(target, f) != getattr(workspace.conventions, f)]
    effects: list[tuple[float | None, float | None]] = [(None, None)] * len(different)
    if measure and different:
        mixed = [replace(workspace.conventions, name="mixed", **{f: getattr(target, f)}) for f in different]
        effects = _effects(workspace, [replace(workspace, conventions=rules) for rules in mixed], progress)
    return tuple(
        Outcome(kind="convention", where="model", what=_CONVENTIONS[f], effect=effect, effect_on_cls=effect_on_cls)
        for f, (effect, effect_on_cls) in zip(different, effects, strict=True)
        if effect != 0.0
    )


def check_strict(translating: Iterable[Outcome], reading: Iterable[Outcome] = (), *, with_sidecar: bool = True) -> None:
    """Refuse a translation that loses something, or whose conventions change the NLL by more than 1e-6.

    Parameters
    ----------
    translating
        outcomes of the translation; a convention whose effect was not or cannot be evaluated does not pass.
    reading
        outcomes of reading the input.
    with_sidecar
        whether a sidecar holds what is carried; without one that is lost, too.

    Raises
    ------
    TranslationLoss
        The message lists what is lost.
    """
    lost = [o for o in reading if o.kind == "loss"]
    lost += [
        o
        for o in translating
        if o.kind == "loss"
        or (o.kind == "carried" and not with_sidecar)
        or (o.kind == "convention" and (o.effect is None or o.effect > NEGLIGIBLE))
    ]
    if lost:
        lines = (f"  {terminal(line)}" for line in outcome_lines(lost))
        raise TranslationLoss.listing(["the translation is not exact:", *lines])
