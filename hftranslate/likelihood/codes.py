"""Which interpolation codes one sample may combine.

ROOT applies the HistoSys of a sample one after the other to a running sum, and its NormSys (OverallSys) to another one.
As long as all of them are of one family, additive or multiplicative, the order does not matter and

    yield = (nominal + sum of shifts) * product of factors

describes it; a sample that mixes families is refused.
"""

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.likelihood.interpolation import CURVES
from hftranslate.workspace import HistoSys, NormSys, Sample

#: Multiplicative codes of the form ``1 + S alpha + A g(alpha)``, and the additive code that has their ``g``.
LINEAR = {"code6": "code4p"}


def _is_additive(m: HistoSys | NormSys) -> bool:
    return m.interpolation in CURVES


def _normsys(sample: Sample, removed: set[str]) -> list[NormSys]:
    return [m for m in sample.modifiers if isinstance(m, NormSys) and m.name not in removed]


def has_bin_factors(sample: Sample) -> bool:
    """Whether HistoSys of the sample are factors of its bins."""
    return any(isinstance(m, HistoSys) and not _is_additive(m) for m in sample.modifiers)


def normsys_add_up(sample: Sample, removed: set[str]) -> bool:
    """Whether the sample has several NormSys of additive codes, whose effects are summed before they multiply."""
    found = _normsys(sample, removed)
    return len(found) > 1 and any(_is_additive(m) for m in found)


def check_codes(where: str, sample: Sample, removed: set[str]) -> None:
    """Refuse what no sum of shifts times a product of factors describes.

    Raises
    ------
    Unsupported
        HistoSys, or NormSys, of both families; several NormSys of additive codes together with HistoSys.
    InvalidWorkspace
        A HistoSys of a multiplicative code in a sample with a bin that is not positive: it divides by the bin.
    """
    histosys = [m for m in sample.modifiers if isinstance(m, HistoSys)]
    for kind, found in (("histosys", histosys), ("normsys", _normsys(sample, removed))):
        codes = {m.interpolation for m in found}
        if len({_is_additive(m) for m in found}) > 1:
            raise Unsupported(
                f"{where}: its {kind} mix additive and multiplicative interpolation codes "
                f"({', '.join(sorted(codes))}), whose result would depend on their order"
            )
    if histosys and normsys_add_up(sample, removed):
        raise Unsupported(
            f"{where}: several normsys with an additive interpolation code and a histosys cannot be evaluated together"
        )
    if has_bin_factors(sample):
        bad = next((i for i, n in enumerate(sample.nominal) if n <= 0), None)
        if bad is not None:
            raise InvalidWorkspace(
                f"{where}: a histosys with a multiplicative interpolation code cannot vary bin {bad}, which is "
                f"{sample.nominal[bad]:g}; it must be above zero"
            )
