from hftranslate.formats.root_workspace.measurement import MEASUREMENT
from hftranslate.formats.root_workspace.read import read

__all__ = ["MEASUREMENT", "read"]
