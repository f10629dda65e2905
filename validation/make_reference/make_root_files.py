"""Write cases/root_files: histograms of every class that ROOT has, with every compression, in folders and cycles.

Contents follow a rule that the tests know: bin i of a histogram holds (7 * i) % 101, its squared error is twice that.
"""

import sys
from pathlib import Path

from quiet import ROOT
from writing import target_folder

CLASSES = ("TH1D", "TH1F", "TH1I", "TH1S", "TH1C", "TH1L")
COMPRESSIONS = {
    "none": (0, 0),
    "zlib": (ROOT.RCompressionSetting.EAlgorithm.kZLIB, 6),
    "lzma": (ROOT.RCompressionSetting.EAlgorithm.kLZMA, 6),
    "lz4": (ROOT.RCompressionSetting.EAlgorithm.kLZ4, 6),
    "zstd": (ROOT.RCompressionSetting.EAlgorithm.kZSTD, 6),
}
N_BINS = 60


def filled(class_name: str, name: str, *, errors: bool, first: int = 0) -> "ROOT.TH1":
    histogram = getattr(ROOT, class_name)(name, "", N_BINS, 0.0, 30.0)
    if errors:
        histogram.Sumw2()
    for i in range(N_BINS):
        content = (7 * (i + first)) % 101
        histogram.SetBinContent(i + 1, content)
        if errors:
            histogram.SetBinError(i + 1, (2.0 * content) ** 0.5)
    return histogram


def main(cases: Path) -> None:
    ROOT.TH1.AddDirectory(False)
    folder_of_files = cases / "root_files"
    folder_of_files.mkdir(parents=True, exist_ok=True)
    for compression, (algorithm, level) in COMPRESSIONS.items():
        file = ROOT.TFile.Open(f"{folder_of_files / compression}.root?reproducible={compression}", "RECREATE")
        file.SetCompressionSettings(100 * int(algorithm) + level)
        for class_name in CLASSES:
            file.WriteTObject(filled(class_name, class_name, errors=class_name in ("TH1D", "TH1F")))
        folder = file.mkdir("SR").mkdir("nominal")
        for first in (1, 2, 3):  # three cycles; the last one counts
            folder.WriteTObject(filled("TH1D", "yield", errors=True, first=first))
        file.Close()


if __name__ == "__main__":
    main(target_folder(sys.argv[1:]))
