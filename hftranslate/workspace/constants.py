"""Constants that formulas may name, as ROOT has them."""

import math
from collections.abc import Mapping

_PHYSICAL: Mapping[str, float] = {
    "Pi": math.pi,
    "E": math.e,
    "Sqrt2": math.sqrt(2.0),
    "Ln10": math.log(10.0),
    "LogE": math.log10(math.e),
    "EulerGamma": 0.57721566490153286,
    "C": 2.99792458e8,
    "G": 6.67430e-11,
    "H": 6.62607015e-34,
    "K": 1.380649e-23,
    "Sigma": 5.670373e-8,
    "R": 8.31446261815324,
    "TwoPi": 2.0 * math.pi,
    "PiOver2": 0.5 * math.pi,
    "PiOver4": 0.25 * math.pi,
    "InvPi": 1.0 / math.pi,
    "DegToRad": math.pi / 180.0,
    "RadToDeg": 180.0 / math.pi,
}
#: Functions without an argument, and words; ROOT writes those with a whole value as whole numbers.
CONSTANT_FUNCTIONS: Mapping[str, float] = {f"TMath::{name}": value for name, value in _PHYSICAL.items()}
_WORDS = "pi:Pi e:E sqrt2:Sqrt2 ln10:Ln10 loge:LogE eg:EulerGamma c:C g:G h:H k:K sigma:Sigma r:R"
CONSTANTS: Mapping[str, float] = {
    word: _PHYSICAL[name] for word, name in (pair.split(":") for pair in _WORDS.split())
} | {"true": 1.0, "false": 0.0}
