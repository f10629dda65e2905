from hftranslate.formats.root_histograms.histogram import Histogram
from hftranslate.formats.root_histograms.reading import HistogramFiles
from hftranslate.formats.root_histograms.writing import write_histograms

__all__ = ["Histogram", "HistogramFiles", "write_histograms"]
