"""Checks of one likelihood: schema, digests, every patch, and what the doctor finds in the background."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference import difference_of_translation, proven
from hftranslate.doctor import diagnose
from hftranslate.errors import HFTranslateError, InputError
from hftranslate.formats import pyhf_json
from hftranslate.formats.schemas import violation
from hftranslate.hepdata.contents import Likelihood
from hftranslate.hepdata.entries import Entry, Status, gathered
from hftranslate.hepdata.submission import hs3_file
from hftranslate.signal_grid import Patch, PatchSet
from hftranslate.signal_grid.scan import Background
from hftranslate.translation.load import load
from hftranslate.workspace import Workspace
from hftranslate.workspace.map import pois_of, signal_samples


def likelihood_entries(likelihood: Likelihood, progress: Progress = silent) -> Iterator[Entry]:
    """Everything about a likelihood that needs no fit of its signals."""
    workspace = None
    for entry, found in _workspace(likelihood):
        workspace = found or workspace
        yield entry
    if likelihood.patches is not None:
        yield from _digests(likelihood, likelihood.patches)
    if workspace is None:
        return
    yield from _poi(likelihood, workspace)
    if likelihood.patches is not None:
        yield from patch_entries(likelihood, likelihood.patches, progress)
    yield from _doctor(likelihood, workspace)


def _workspace(likelihood: Likelihood) -> Iterator[tuple[Entry, Workspace | None]]:
    name = likelihood.name
    broken = violation(likelihood.document, "workspace")
    if broken is not None:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in broken[0]).lstrip(".")
        what = f"breaks the schema 1.0.0: {where}: {broken[1]}" if where else f"breaks the schema 1.0.0: {broken[1]}"
        yield Entry(status="error", check="schema", where=name, what=what), None
        return
    try:
        workspace = pyhf_json.from_document(likelihood.document, name)
    except InputError as error:
        yield Entry(status="error", check="model", where=name, what=str(error)), None
        return
    n_bins = sum(c.n_bins for c in workspace.channels)
    what = f"follows the schema 1.0.0; {len(workspace.channels)} channels with {n_bins} bins"
    yield Entry(status="passed", check="schema", where=name, what=what), workspace


def _digests(likelihood: Likelihood, patches: PatchSet) -> Iterator[Entry]:
    if not patches.digests:
        what = "loose patches without a patch set: nothing says which workspace they were made for"
        yield Entry(status="note", check="digest", where=likelihood.name, what=what)
    elif mismatches := patches.mismatches(likelihood.document):
        yield Entry(
            status="error",
            check="digest",
            where=likelihood.name,
            what=f"{likelihood.patchset}: {'; '.join(mismatches)}",
        )
    else:
        told = " and ".join(sorted(patches.digests))
        what = f"{told} of {likelihood.patchset} agree{'s' if len(patches.digests) == 1 else ''}"
        yield Entry(status="passed", check="digest", where=likelihood.name, what=what)


def _poi(likelihood: Likelihood, workspace: Workspace) -> Iterator[Entry]:
    pois = pois_of(workspace)
    if not pois:
        what = "no measurement names a parameter of interest"
        yield Entry(status="error", check="poi", where=likelihood.name, what=what)
        return
    used = bool(signal_samples(workspace))
    if likelihood.patches is None and not used:
        what = (
            f"no patches and no sample with the parameter of interest {', '.join(sorted(pois))}: nothing can be tested"
        )
        yield Entry(status="error", check="poi", where=likelihood.name, what=what)
    elif likelihood.patches is not None and used:
        what = "there is a signal in the background-only workspace already; patches add theirs to it"
        yield Entry(status="warning", check="poi", where=likelihood.name, what=what)
    else:
        yield Entry(
            status="passed", check="poi", where=likelihood.name, what=f"parameter of interest {', '.join(sorted(pois))}"
        )


# ------------------------------------------------------------------------------------------------------------- patches
def patch_entries(likelihood: Likelihood, patches: PatchSet, progress: Progress = silent) -> Iterator[Entry]:
    """Every patch is applied: it must give a valid model with a signal, and leave the background alone."""
    background = Background(likelihood.document)
    found: dict[tuple[Status, str], list[str]] = {}
    for i, patch in enumerate(patches):
        progress("patches", i, len(patches))
        for status, what in _patch_problems(background, patches, patch):
            found.setdefault((status, what), []).append(patch.name)
    where = likelihood.patchset or likelihood.region or "patches"
    for (status, what), names in found.items():
        yield Entry(
            status=status, check="patch", where=where, what=f"{gathered(names, len(patches), 'patches')}: {what}"
        )
    wrong = {name for (status, _), names in found.items() if status == "error" for name in names}
    good = len(patches) - len(wrong)
    if good:
        what = f"{good} patch{'' if good == 1 else 'es'} of {len(patches)} apply and add a signal"
        yield Entry(status="passed", check="patch", where=where, what=what)


def _patch_problems(background: Background, patches: PatchSet, patch: Patch) -> Iterator[tuple[Status, str]]:
    name = f"patch {patch.name!r}"
    try:
        document: Any = patches.apply(background.document, patch)
        workspace = pyhf_json.from_document(document, name, known=background.known)
    except InputError as error:
        text = str(error).removeprefix(name).lstrip(": ")
        yield "error", text if text.startswith("does not apply") else f"gives no valid model: {text}"
        return
    if workspace == background.workspace:
        yield "error", "changes nothing"
        return
    yield from _signal_problems(workspace)
    yield from _changes_of_background(background.workspace, workspace)


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
def _doctor(likelihood: Likelihood, workspace: Workspace) -> Iterator[Entry]:
    """Findings of the doctor about the background: its errors are errors here, too."""
    try:
        diagnosis = diagnose(workspace)
    except HFTranslateError as error:
        yield Entry(status="error", check="doctor", where=likelihood.name, what=str(error))
        return
    failed = {"fit-failed", "no-likelihood"} & {f.kind for f in diagnosis.findings}
    if not failed:
        what = "the maximum-likelihood fit to the data converges"
        yield Entry(status="passed", check="fit", where=likelihood.name, what=what)
    notes = 0
    for finding in diagnosis.findings:
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
    beside = [one for one in likelihoods if hs3_file(one.region) == location] or list(likelihoods)
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
