from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.likelihood.yields import ChannelYields, Yields, expected_yields

__all__ = [
    "ChannelYields",
    "Data",
    "Model",
    "Yields",
    "compile_model",
    "expected_yields",
    "restricted",
]
