from hftranslate.signal_grid.changes import changes, same_model
from hftranslate.signal_grid.contour import Slice, contour_document, contour_lines, surface, take_slice
from hftranslate.signal_grid.creation import Signal, create
from hftranslate.signal_grid.document import Patch, PatchSet, digest, read_patchset
from hftranslate.signal_grid.point_names import PointNames
from hftranslate.signal_grid.scan import FailedPoint, Point, Scan, scan
from hftranslate.signal_grid.signal_files import read_background, read_signal
from hftranslate.signal_grid.summary import summary_text
from hftranslate.signal_grid.tasks import Background, ScanSettings

__all__ = [
    "Background",
    "FailedPoint",
    "Patch",
    "PatchSet",
    "Point",
    "PointNames",
    "Scan",
    "ScanSettings",
    "Signal",
    "Slice",
    "changes",
    "contour_document",
    "contour_lines",
    "create",
    "digest",
    "read_background",
    "read_patchset",
    "read_signal",
    "same_model",
    "scan",
    "summary_text",
    "surface",
    "take_slice",
]
