"""Writes the inputs of the validation cases with ROOT: histograms through TFile and TH1D, XML as text."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from quiet import ROOT

_CASES = Path(__file__).resolve().parents[1] / "cases"
_DTD = "HistFactorySchema.dtd"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Contents per bin, and bin errors where they mean something (without, ROOT takes the root of the content).

    ``kind`` is ROOT's class, which decides what contents, and relative errors, are stored in.
    """

    edges: Sequence[float]
    contents: Sequence[float]
    errors: Sequence[float] | None = None
    kind: str = "TH1D"


def write_histograms(path: Path, histograms: Mapping[str, Histogram]) -> None:
    """Write a ROOT file with one histogram per entry; a key ``"a/b/name"`` puts it into the directory ``a/b``.

    ROOT writes the same bytes for the same content (no time stamps), so checksums survive a remake.
    """
    file = ROOT.TFile(f"{path.name}?reproducible=1", "RECREATE")
    for key, histogram in histograms.items():
        directory, _, name = key.rpartition("/")
        folder = file
        for part in directory.split("/") if directory else []:
            folder = folder.GetDirectory(part) or folder.mkdir(part)
        folder.cd()
        th1 = getattr(ROOT, histogram.kind)(name, "", len(histogram.contents), np.asarray(histogram.edges, dtype=float))
        if histogram.errors is not None:
            th1.Sumw2()
        for i, content in enumerate(histogram.contents, start=1):
            th1.SetBinContent(i, content)
            if histogram.errors is not None:
                th1.SetBinError(i, histogram.errors[i - 1])
        th1.Write()
    file.Close()


def target_folder(arguments: Sequence[str]) -> Path:
    """Where the cases go: the only argument of the command line, or ``validation/cases``."""
    return Path(arguments[0]).resolve() if arguments else _CASES


def write_case(folder: Path, driver: str, files: Mapping[str, str], histograms: Mapping[str, Histogram]) -> None:
    """Write the folder of a case: the XML files, ``data.root`` and the DTD that ROOT's parser demands beside them.

    ``driver`` names the file among ``files`` whose root element is a Combination; all others are channels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, body in files.items():
        root_element = "Combination" if file_name == driver else "Channel"
        doctype = f'<!DOCTYPE {root_element} SYSTEM "{_DTD}">\n'
        (folder / file_name).write_text(doctype + body, encoding="utf-8")
    dtd = folder / _DTD
    dtd.unlink(missing_ok=True)  # ROOT ships it read-only
    shutil.copyfile(Path(str(ROOT.TROOT.GetEtcDir())) / _DTD, dtd)
    with chdir(folder):  # the file's identifier is made from the name it is opened with: keep the folder out of it
        write_histograms(Path("data.root"), histograms)
