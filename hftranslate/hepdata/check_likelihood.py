"""Checks of one likelihood: schema, digests, every patch, and what the doctor finds in the background."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference import difference_of_translation, proven
from hftranslate.display.speaking import counted
from hftranslate.doctor import diagnose
from hftranslate.errors import HFTranslateError, InputError
from hftranslate.formats import pyhf_json
from hftranslate.formats.schemas import violation
from hftranslate.hepdata.contents import Likelihood
from hftranslate.hepdata.entries import Entry, Status, gathered
from hftranslate.hepdata.submission import hs3_file
from hftranslate.signal_grid import Patch, PatchSet
from hftranslate.signal_grid.tasks import Background
from hftranslate.translation.load import load
from hftranslate.workspace import Workspace
from hftranslate.workspace.map import pois_of, signal_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is said of a likelihood without a fit of its signals.

    Attributes
    ----------
    workspace
        as read; ``None`` where it is none.
    belongs
        whether it is a model, with patches that were made for it.
    can_be_compared
        whether its points and yields can be looked at: it belongs together, has a parameter of interest and a fit.
    wrong
        the names of patches that give no model with a signal.
    """

    entries: tuple[Entry, ...]
    workspace: Workspace | None = None
    belongs: bool = False
    can_be_compared: bool = False
    wrong: frozenset[str] = frozenset()


def likelihood_entries(likelihood: Likelihood, progress: Progress = silent, *, is_known: bool = False) -> Judgement:
    """Everything about a likelihood that needs no fit of its signals. What follows from an error is not said again.

    Parameters
    ----------
    is_known
        the workspace was judged before, with other patches: nothing more is said of it.
    """
    of_model, workspace = _workspace(likelihood)
    if workspace is None:
        return Judgement(entries=() if is_known else of_model)
    digests = list(_digests(likelihood, likelihood.patches)) if likelihood.patches is not None else []
    of_patches: list[Entry] = []
    wrong: dict[str, str] = {}
    belongs = not any(e.status == "error" for e in digests)
    if likelihood.patches is not None and belongs:
        of_patches, wrong = patch_entries(likelihood, likelihood.patches, progress)
    twice = any(_TWICE in w for w in wrong.values())  # then the other points are wrong, too
    poi = [] if is_known else list(_poi(likelihood, workspace, already_said=twice))
    doctor = [] if is_known else list(_doctor(likelihood, workspace))
    failed = any(e.check == "doctor" and e.status == "error" for e in doctor)
    return Judgement(
        entries=(*(() if is_known else of_model), *digests, *poi, *of_patches, *doctor),
        workspace=workspace,
        belongs=belongs,
        can_be_compared=belongs and not twice and not failed and bool(pois_of(workspace)),
        wrong=frozenset(wrong),
    )


def _workspace(likelihood: Likelihood) -> tuple[tuple[Entry, ...], Workspace | None]:
    name = likelihood.name
    broken = violation(likelihood.document, "workspace")
    if broken is not None:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in broken[0]).lstrip(".")
        what = f"breaks the schema 1.0.0: {where}: {broken[1]}" if where else f"breaks the schema 1.0.0: {broken[1]}"
        return (Entry(status="error", check="schema", where=name, what=what),), None
    try:
        workspace = pyhf_json.from_document(likelihood.document, name)
    except InputError as error:
        return (Entry(status="error", check="model", where=name, what=str(error)),), None
    n_bins = sum(c.n_bins for c in workspace.channels)
    what = f"follows the schema 1.0.0; {counted(len(workspace.channels), 'channel')} with {counted(n_bins, 'bin')}"
    return (Entry(status="passed", check="schema", where=name, what=what),), workspace


def _digests(likelihood: Likelihood, patches: PatchSet) -> Iterator[Entry]:
    if not patches.digests:
        what = "loose patches without a patch set: nothing says which workspace they were made for"
        yield Entry(status="note", check="digest", where=likelihood.name, what=what)
    elif mismatches := patches.mismatches(likelihood.document):
        yield Entry(
            status="error",
            check="digest",
            where=likelihood.name,
            what=f"{likelihood.patchset}: {'; '.join(mismatches)}; its signals were not looked at (patchset create)",
        )
    else:
        told = " and ".join(sorted(patches.digests))
        what = f"{told} of {likelihood.patchset} agree{'s' if len(patches.digests) == 1 else ''}"
        yield Entry(status="passed", check="digest", where=likelihood.name, what=what)


def _poi(likelihood: Likelihood, workspace: Workspace, *, already_said: bool) -> Iterator[Entry]:
    pois = pois_of(workspace)
    if not pois:
        what = "no measurement names a parameter of interest"
        yield Entry(status="error", check="poi", where=likelihood.name, what=what)
        return
    used = bool(signal_samples(workspace))
    if likelihood.patches is None and not used:
        if likelihood.is_read:
            named = ", ".join(sorted(pois))
            what = f"no patches and no sample with the parameter of interest {named}: nothing can be tested"
            yield Entry(status="error", check="poi", where=likelihood.name, what=what)
    elif already_said:
        return
    elif likelihood.patches is not None and used:
        what = "there is a signal in the background-only workspace already; patches add theirs to it"
        yield Entry(status="warning", check="poi", where=likelihood.name, what=what)
    else:
        yield Entry(
            status="passed", check="poi", where=likelihood.name, what=f"parameter of interest {', '.join(sorted(pois))}"
        )


# ------------------------------------------------------------------------------------------------------------- patches
#: How a patch is told whose signal stands in the background-only workspace.
_TWICE = "adds again what the background-only workspace has already"


def patch_entries(
    likelihood: Likelihood, patches: PatchSet, progress: Progress = silent
) -> tuple[list[Entry], dict[str, str]]:
    """Every patch is applied: it must give a valid model with a signal, and leave the background alone.

    Returns
    -------
    tuple
        what is said, and the first error of each patch by its name.
    """
    background = Background(likelihood.document)
    found: dict[tuple[Status, str], list[str]] = {}
    wrong: dict[str, str] = {}
    for i, patch in enumerate(patches):
        progress("patches", i, len(patches))
        for status, what in _patch_problems(background, patches, patch):
            found.setdefault((status, what), []).append(patch.name)
            if status == "error":
                wrong.setdefault(patch.name, what)
    where, n = likelihood.patchset or likelihood.region or "patches", len(patches)
    entries = [
        Entry(status=status, check="patch", where=where, what=f"{gathered(names, n, 'patches')}: {what}")
        for (status, what), names in found.items()
    ]
    if good := n - len(wrong):
        what = f"{good} patch{'' if good == 1 else 'es'} of {n} apply and add a signal"
        entries.append(Entry(status="passed", check="patch", where=where, what=what))
    return entries, wrong


def _patch_problems(background: Background, patches: PatchSet, patch: Patch) -> Iterator[tuple[Status, str]]:
    name = f"patch {patch.name!r}"
    before = background.workspace
    try:
        document: Any = patches.apply(background.document, patch)
        if twice := _named_twice(document, before):
            yield "error", f"{_TWICE}: {twice}"
            return
        workspace = pyhf_json.from_document(document, name, known=background.known)
    except InputError as error:
        text = str(error).removeprefix(name).lstrip(": ")
        yield "error", text if text.startswith("does not apply") else f"gives no valid model: {text}"
        return
    if workspace == before:
        yield "error", "changes nothing"
        return
    if pois_of(before):  # else that is said of the background
        yield from _signal_problems(workspace)
    if twice := _added_twice(before, workspace):
        yield "error", f"{_TWICE}: {twice}"
    yield from _changes_of_background(before, workspace)


def _named_twice(document: Any, before: Workspace) -> str:
    """A signal of the background that stands in the patched document a second time."""
    signals = {(c.name, s.name) for c, s in signal_samples(before)}
    try:
        stand = Counter((c["name"], s["name"]) for c in document["channels"] for s in c["samples"]) if signals else {}
    except (KeyError, TypeError):
        return ""  # the reader says what is wrong
    return next((f"{s} of {c}" for c, s in signals if stand.get((c, s), 0) > 1), "")


def _added_twice(before: Workspace, after: Workspace) -> str:
    """A new signal with the yields of one that is in the background."""
    old = {(c.name, s.name): s.nominal for c, s in signal_samples(before)}
    new = {(c.name, s.name): s.nominal for c, s in signal_samples(after)}
    again = (
        f"{s} of {c} as {n}"
        for (d, n), nominal in new.items()
        for (c, s), known in old.items()
        if (d, n) not in old and c == d and (c, s) in new and nominal == known and any(nominal)
    )
    return next(again, "")


def _signal_problems(workspace: Workspace) -> Iterator[tuple[Status, str]]:
    signals = signal_samples(workspace)
    if not pois_of(workspace):
        yield "error", "leaves no parameter of interest"
    elif not signals:
        yield "error", f"no sample has the parameter of interest {', '.join(sorted(pois_of(workspace)))}"
    elif not any(any(s.nominal) for _, s in signals):
        yield "error", "the signal has no yield in any bin"
    missing = sorted(c.name for c in workspace.channels if c.observed is None)
    if missing:
        yield "error", f"channels without data: {', '.join(missing)}"


def _changes_of_background(before: Workspace, after: Workspace) -> Iterator[tuple[Status, str]]:
    kept = {c.name: c for c in after.channels}
    gone = [c.name for c in before.channels if c.name not in kept]
    if gone:
        yield "note", f"removes channels: {', '.join(gone)}"
    removed, changed, data = [], [], []
    for c in before.channels:
        if c.name not in kept:
            continue
        now = kept[c.name]
        samples = {s.name: s for s in now.samples}
        removed += [f"{s.name} of {c.name}" for s in c.samples if s.name not in samples]
        changed += [
            f"{s.name} of {c.name}" for s in c.samples if s.name in samples and samples[s.name].nominal != s.nominal
        ]
        if c.observed != now.observed:
            data.append(c.name)
    if removed:
        yield "error", f"removes background samples: {', '.join(removed[:3])}; are its indices right?"
    if changed:
        yield "warning", f"changes yields of the background: {', '.join(changed[:3])}"
    if data:
        yield "warning", f"changes observed data: {', '.join(data[:3])}"


# -------------------------------------------------------------------------------------------------------------- doctor
#: Findings that follow from others, where there are others.
_CONSEQUENCES = {"fit-failed", "no-likelihood"}


def _doctor(likelihood: Likelihood, workspace: Workspace) -> Iterator[Entry]:
    """Findings of the doctor about the background: its errors are errors here, too."""
    try:
        diagnosis = diagnose(workspace)
    except HFTranslateError as error:
        yield Entry(status="error", check="doctor", where=likelihood.name, what=str(error))
        return
    failed = _CONSEQUENCES & {f.kind for f in diagnosis.findings}
    if not failed:
        what = "the maximum-likelihood fit to the data converges"
        yield Entry(status="passed", check="fit", where=likelihood.name, what=what)
    notes = 0
    causes = [f for f in diagnosis.findings if f.severity == "error" and f.kind not in _CONSEQUENCES]
    for finding in diagnosis.findings:
        if finding.kind in _CONSEQUENCES and causes:
            continue
        if finding.severity == "note":
            # that the background waits for its signal is what patches are for
            notes += not (finding.kind == "poi-unused" and likelihood.patches is not None)
            continue
        times = f" ({finding.count} places)" if finding.count > 1 else ""
        what = f"{finding.kind}{times}: {finding.reason} ({finding.places[0]})"
        yield Entry(status=finding.severity, check="doctor", where=likelihood.name, what=what)
    if notes:
        what = f"{notes} note{'' if notes == 1 else 's'} of the doctor; see hftranslate doctor"
        yield Entry(status="note", check="doctor", where=likelihood.name, what=what)


def hs3_entries(folder: Path, location: str, likelihoods: Sequence[Likelihood]) -> Iterator[Entry]:
    """Whether a file in HS3 has the likelihood of the workspace that it stands beside, under pyhf's conventions."""
    path = folder / location
    if "/" in location or not path.is_file():
        yield Entry(status="warning", check="hs3", where=location, what="it is not in the folder, and was not compared")
        return
    in_hs3 = load(path)
    if in_hs3.format != "hs3":
        yield Entry(status="error", check="hs3", where=location, what=f"it is {in_hs3.format}, not HS3")
        return
    beside = [one for one in likelihoods if hs3_file(one.region, one.name) == location] or list(likelihoods)
    for one in beside:
        workspace = pyhf_json.from_document(one.document, one.name)
        found = difference_of_translation(workspace, in_hs3.workspace)
        if proven(workspace, found):
            what = f"has the likelihood of {one.name}"
            yield Entry(status="passed", check="hs3", where=location, what=what)
            return
    names = ", ".join(one.name for one in beside) or "any workspace"
    what = f"has not the likelihood of {names}; hftranslate diff says what differs"
    yield Entry(status="error", check="hs3", where=location, what=what)
