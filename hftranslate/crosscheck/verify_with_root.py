"""Translations judged by ROOT: it evaluates what was translated and the translation, and the two are compared.

Both go to ROOT as :mod:`hftranslate.crosscheck.with_root` describes models to it, by scripts that share nothing with
our translators; nothing is evaluated by our engine. What belongs together is told by the names of ROOT's parameters,
and by the account of the translation where it gave parts another name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hftranslate.crosscheck.variants import lumi_carriers
from hftranslate.crosscheck.with_root import (
    MISREAD_ADVICE,
    Progress,
    RootInstallation,
    Source,
    misread_in_root,
    misread_sentence,
    root_pair,
)
from hftranslate.difference.alignment import Alignment, align
from hftranslate.difference.compare import NLL_PER_TOLERANCE, TOLERANCE
from hftranslate.errors import InputError, RootFailed, UnsafeInput, Unsupported
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import listed
from hftranslate.translation.load import Loaded, load
from hftranslate.translation.verify import Verification, advice_for
from hftranslate.workspace import Measurement, Workspace
from hftranslate.workspace.parameters import parameter_sets

Json = dict[str, Any]
#: Yields below this fraction of the channel's largest are compared as if they were as large.
_SMALLEST_YIELD = 1e-9
#: What the scripts say of a model that they have no words for.
_UNDESCRIBED = "cannot be described to ROOT: "


def verify_in_root(
    loaded: Loaded,
    source: Source,
    path: Path,
    installation: RootInstallation,
    *,
    account: Iterable[Outcome] = (),
    progress: Progress = lambda line: None,
) -> Verification:
    """Whether ROOT evaluates a translation as it evaluates what was translated.

    Parameters
    ----------
    loaded
        what was translated, as read.
    source
        the file that it came from; ROOT does not see what a sidecar adds to it.
    path
        the written JSON, or the driver of the written XML.
    account
        what the translation said of itself.
    progress
        takes the lines that ROOT's scripts print.

    Raises
    ------
    UnsafeInput
        One of them says something that ROOT might execute; it was not started.
    Unsupported
        The model cannot be described to ROOT.
    """
    account = tuple(account)
    announced = [o.renamed for o in account if o.renamed is not None]
    points, worst_nll, worst_yield, version = 0, 0.0, 0.0, ""
    reasons: list[str] = []
    try:
        first = load(source.path, patches=source.patches) if loaded.with_sidecar else loaded
        original, second = first.workspace, load(path, xml=XmlOptions(basedir=path.parent))
        back = second.workspace
        alignment = align(
            original,
            back,
            across="pyhf-json" in (first.format, second.format) and first.format != second.format,
            announced=announced,
        )
        pairs = list(_measurements(original, back, alignment))
        if "hs3" in (first.format, second.format):  # ROOT's importer has the values of one
            pairs = pairs[:1]
        for mine, theirs in pairs:
            names = partners((first, mine), (second, theirs), alignment)
            found = root_pair(
                source, Source(path=path, basedir=path.parent), (mine, theirs), names, installation, progress=progress
            )
            version = found["version"]
            compared = _Compared(found, alignment.channels)
            points += compared.points
            worst_nll, worst_yield = max(worst_nll, compared.nll), max(worst_yield, compared.yields)
            reasons += [f"measurement {mine.name!r}: {reason}" for reason in compared.reasons()]
    except UnsafeInput:
        raise
    except RootFailed as error:
        _refuse_undescribed(str(error))
        return _not(f"ROOT could not evaluate both: {error}", path, account)
    except InputError as error:
        return _not(f"{path} cannot be read back: {error}", path, account)
    compared_names = {mine.name for mine, _ in pairs}
    known = {*compared_names, *(alignment.measurements.get(m.name) for m in back.measurements)}
    reasons += [f"measurement {m.name!r} is not there" for m in original.measurements if m.name not in known]
    misread = misread_in_root(original), misread_in_root(back)
    if reasons and any(misread):
        reasons.append(misread_sentence(tuple(dict.fromkeys((*misread[0], *misread[1])))))
    if reasons and loaded.with_sidecar:
        reasons.append("ROOT reads the input without its sidecar, as --no-sidecar does")
    if reasons:
        return _not("; ".join(reasons), path, account, _advice(source.path, *misread))
    sentence = (
        f"verified by ROOT {version}: it evaluates {source.path} and {path} alike, {_way(first, second)}: "
        f"at {points} points of {len(pairs)} measurement(s) the NLL differs by at most {worst_nll:.2g} and "
        f"the yields by {worst_yield:.2g}"
    )
    return Verification(verified=True, sentence=sentence, found=None)


def _refuse_undescribed(error: str) -> None:
    """Say of a model that ROOT was not told that this is nobody's fault."""
    if _UNDESCRIBED in error:
        why = error.partition(_UNDESCRIBED)[2]
        raise Unsupported(
            f"ROOT cannot judge this translation, which says nothing against it: {why}; --verify asks us alone"
        )


def _way(first: Loaded, second: Loaded) -> str:
    """How ROOT got the two."""
    if "hs3" not in (first.format, second.format):
        return "both described to its HistFactory classes"
    return "HS3 read by its importer, others described to its HistFactory classes"


def _advice(source: Path, of_input: Sequence[str], of_output: Sequence[str]) -> str:
    """What to do where ROOT reads one of the two otherwise than it stands there; empty where it reads both."""
    if of_output:
        return f"what to do: {MISREAD_ADVICE}"
    return (
        f"what to do: nothing is known to be wrong with the translation; it is {source} that ROOT reads otherwise than "
        "it stands there, so that it cannot judge: compare with the XML or JSON that it was made from"
        if of_input
        else ""
    )


def _not(why: str, path: Path, account: Sequence[Outcome], advice: str = "") -> Verification:
    advice = advice or advice_for(account)
    advice += f". 'hftranslate crosscheck FILE --with-root' says of the input and of {path} what ROOT and we read in it"
    return Verification(
        verified=False, sentence=f"NOT verified by ROOT: {path} is not the input: {why}", found=None, advice=advice
    )


def _measurements(
    original: Workspace, back: Workspace, alignment: Alignment
) -> Iterator[tuple[Measurement, Measurement]]:
    for theirs in back.measurements:
        if theirs.name in alignment.measurements:
            yield original.measurement(alignment.measurements[theirs.name]), theirs


def partners(
    first: tuple[Loaded, Measurement], second: tuple[Loaded, Measurement], alignment: Alignment
) -> dict[str, str]:
    """What parameters of the first are called in the second, by the names that ``of_pair.py`` knows them by."""
    ours, others = _names_in_of_pair(*first), _names_in_of_pair(*second)
    return {ours[n]: other for name, other in others.items() if (n := alignment.entries.get(name, name)) in ours}


def _names_in_of_pair(loaded: Loaded, measurement: Measurement) -> dict[str, str]:
    """By pyhf's name, what ``of_pair.py`` calls the parameters: in JSON by these names, in XML by ROOT's."""
    workspace = loaded.workspace
    sets = parameter_sets(workspace, measurement, workspace.conventions).values()
    if loaded.format == "pyhf-json":
        return {name: name for s in sets for name in s.names}
    carriers, samples = lumi_carriers(workspace)
    lumi = "alpha_lumi" if 0 < carriers < samples and loaded.format != "hs3" else "Lumi"
    return {
        name: lumi if s.kind == "lumi" else root for s in sets for name, root in zip(s.names, s.root_names, strict=True)
    }


class _Compared:
    """Two models at common points, as ``of_pair.py`` describes them."""

    def __init__(self, found: Json, channels: Mapping[str, str]) -> None:
        self.alone: list[str] = found["alone"]
        self.points, self.nll, self.yields = 0, 0.0, 0.0
        self.nll_at, self.yields_at = "", ""
        self.channels = set()
        base: float | None = None
        for point in found["points"]:
            one, two = point["original"], point["translation"]
            theirs = {channels.get(name, name): bins for name, bins in two["yields"].items()}
            self.channels |= one["yields"].keys() ^ theirs.keys()
            for name in one["yields"].keys() & theirs.keys():
                self._take_yields(one["yields"][name], theirs[name], f"{point['label']}, channel {name!r}")
            if (one["nll"] is None) != (two["nll"] is None):
                self.nll, self.nll_at = float("inf"), point["label"]
            elif one["nll"] is not None:
                self.points += 1
                difference = two["nll"] - one["nll"]
                base = difference if base is None else base
                if abs(difference - base) > self.nll:
                    self.nll, self.nll_at = abs(difference - base), point["label"]

    def _take_yields(self, one: Sequence[float], two: Sequence[float], where: str) -> None:
        if len(one) != len(two):
            self.yields, self.yields_at = float("inf"), where
            return
        floor = _SMALLEST_YIELD * max(map(abs, one), default=0.0)
        for x, y in zip(one, two, strict=True):
            scale = max(abs(x), abs(y), floor)
            if scale > 0.0 and abs(x - y) / scale > self.yields:
                self.yields, self.yields_at = abs(x - y) / scale, where

    def reasons(self) -> Iterator[str]:
        """What is wrong."""
        if self.alone:
            yield f"free for ROOT in one of them only: {listed(self.alone)}"
        if self.channels:
            yield f"channels that only one of them has for ROOT: {', '.join(sorted(self.channels))}"
        if self.yields > TOLERANCE:
            yield f"ROOT's yields differ by {self.yields:.2g} at {self.yields_at}"
        if self.nll > NLL_PER_TOLERANCE * TOLERANCE:
            yield f"ROOT's NLL differs by {self.nll:.2g} at {self.nll_at}"
        if not self.points:
            yield "at no point ROOT has a value for both"
