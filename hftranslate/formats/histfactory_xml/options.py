"""How HistFactory XML is read, and where its histograms lie when it is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hftranslate.formats.histfactory_xml.root_versions import Version, parse_version

#: Where the histograms lie, relative to the folder of the driver.
HISTOGRAMS = "data/data.root"


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlOptions:
    """How to read HistFactory XML.

    Attributes
    ----------
    basedir
        folder that relative paths are relative to; ``None``: the working directory, as in ROOT.
    mounts
        pairs (from, to): paths that begin with the one are taken to begin with the other.
    search
        folders that are searched, with all their subfolders, for files that are not where the XML says.
    confine
        refuse to read anything outside the folder of the driver, ``basedir`` and ``search``.
    root_version
        the version of ROOT whose meaning the XML has.
    normalize_by_theory
        ``"root"``: as in that version; since 6.24 the attribute has no effect. ``"intended"``: samples with ``False``
        do not follow the luminosity parameter, only its nominal value, as in ROOT before.
    asimov_if_missing
        channels without observed data get the nominal expectation, as in ROOT's ``asimovData``; the reader of this
        format leaves that to its caller (:func:`hftranslate.translation.load.load`).
    measurement, workspace, data
        of a ROOT file that holds several: the only measurement that is wanted, and the RooWorkspace whose model is
        wanted (``combined``, or the name of a channel); the data set in it that are the observed data.
    graph
        of a ROOT file: read the RooWorkspace itself, also where the Measurement lies beside it that it was made from.
    analysis
        of an HS3 document that has several: the one that is wanted.
    """

    basedir: Path | None = None
    mounts: tuple[tuple[str, str], ...] = ()
    search: tuple[Path, ...] = ()
    confine: bool = False
    root_version: str = "6.40"
    normalize_by_theory: Literal["root", "intended"] = "root"
    asimov_if_missing: bool = False
    measurement: str | None = None
    workspace: str | None = None
    data: str | None = None
    graph: bool = False
    analysis: str | None = None

    @property
    def version(self) -> Version:
        """The version of ROOT as two numbers.

        Raises
        ------
        FormatError
            It does not look like ``6.40``.
        """
        return parse_version(self.root_version)
