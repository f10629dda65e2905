"""What the modifiers of a sample are as arrays, whatever model the sample stands in.

Places of parameters and of cells are not known here: models that share samples, like those of the signals on one
background, share this part of their compilation.
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from hftranslate.errors import InputError, InvalidWorkspace
from hftranslate.likelihood.cells import Integers
from hftranslate.likelihood.codes import check_codes, has_bin_factors, normsys_add_up
from hftranslate.likelihood.constraints import Floats
from hftranslate.likelihood.interpolation import CURVES
from hftranslate.likelihood.sizes import LARGEST, check_size
from hftranslate.records import record
from hftranslate.workspace import (
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.parameter_names import SampleNames

Direct: TypeAlias = Lumi | NormFactor | ShapeSys | ShapeFactor | StatError


@record
class Templates:
    """A sample as arrays; entries are in the order of its modifiers.

    Attributes
    ----------
    nominal
        yields ``(n_bins,)``.
    n_rows
        how many products of factors it has: one, or one for each bin.
    shift_names, shift_codes
        the systematics of ``n_shifts`` additive shifts and their interpolation codes; of HistoSys, or, where
        ``normsys_shift``, of NormSys.
    slopes, bends
        ``S = (hi - lo) / 2`` and ``A = (hi + lo) / 2 - nominal`` of the shifts, ``(n_shifts, n_bins)``.
    factor_names, factor_codes, factor_of_normsys
        the systematics of ``n_factors`` interpolated factors, their codes, and whether each is a NormSys.
    factor_rows, factor_lo, factor_hi
        which of the rows a factor belongs to, and its values at -1 and +1 sigma, ``(n_factors,)``.
    direct
        the modifiers that are factors themselves.
    names
        those that all modifiers use.
    """

    nominal: Floats
    n_rows: int
    shift_names: tuple[str, ...]
    shift_codes: tuple[str, ...]
    normsys_shift: bool
    slopes: Floats
    bends: Floats
    factor_names: tuple[str, ...]
    factor_codes: tuple[str, ...]
    factor_of_normsys: tuple[bool, ...]
    factor_rows: Integers
    factor_lo: Floats
    factor_hi: Floats
    direct: tuple[Direct, ...]
    names: SampleNames


#: Templates made before, by the identity of their samples.
KnownTemplates: TypeAlias = Mapping[int, Templates]


def known_templates(workspace: Workspace) -> KnownTemplates:
    """The templates of all samples, for other workspaces that share them. It holds as long as ``workspace`` is kept.

    Samples that cannot be evaluated are left out: what is wrong with them is said when a model is compiled.
    """
    found = {}
    for channel in workspace.channels:
        for sample in channel.samples:
            try:
                found[id(sample)] = make_templates("", sample, set())
            except InputError:
                continue
    return found


def make_templates(where: str, sample: Sample, removed: set[str]) -> Templates:
    """The templates of a sample.

    Parameters
    ----------
    where
        what to call it in messages.
    removed
        names of NormSys that are without effect.

    Raises
    ------
    Unsupported, InvalidWorkspace
        Its modifiers cannot be evaluated together, or one of them cannot.
    """
    nominal = np.array(sample.nominal, dtype=np.float64)
    check_size(f"{where}: its yields", nominal)
    _check_sizes(where, sample, removed)
    check_codes(where, sample, removed)
    n_rows = len(nominal) if has_bin_factors(sample) else 1
    add_up = normsys_add_up(sample, removed)
    shifts: list[tuple[str, str]] = []
    lows: list[object] = []
    highs: list[object] = []
    factors: list[tuple[str, str, bool, int, float, float]] = []
    direct: list[Direct] = []
    for m in sample.modifiers:
        if isinstance(m, HistoSys):
            if m.interpolation in CURVES:
                shifts.append((m.name, m.interpolation))
                lows.append(m.lo_data)
                highs.append(m.hi_data)
            else:
                ratios = (np.array(data, dtype=np.float64) / nominal for data in (m.lo_data, m.hi_data))
                factors += [
                    (m.name, m.interpolation, False, row, float(lo), float(hi))
                    for row, (lo, hi) in enumerate(zip(*ratios, strict=True))
                ]
        elif isinstance(m, NormSys):
            if m.name in removed:  # ROOT's NoConstraint removes the factor; a HistoSys of the name stays
                continue
            if (m.lo < 0 or m.hi < 0) and m.interpolation not in CURVES:
                raise InvalidWorkspace(
                    f"{where}: normsys {m.name!r} has a negative "
                    f"factor (lo={m.lo}, hi={m.hi}); no interpolation code is defined for it"
                )
            if add_up:
                shifts.append((m.name, m.interpolation))
                lows.append(m.lo * nominal)
                highs.append(m.hi * nominal)
            else:
                factors += [(m.name, m.interpolation, True, row, float(m.lo), float(m.hi)) for row in range(n_rows)]
        else:
            direct.append(m)
    lo, hi = (np.array(rows, dtype=np.float64).reshape(len(rows), len(nominal)) for rows in (lows, highs))
    columns = list(zip(*factors, strict=True)) or [()] * 6
    return Templates(
        nominal=nominal,
        n_rows=n_rows,
        shift_names=tuple(name for name, _ in shifts),
        shift_codes=tuple(code for _, code in shifts),
        normsys_shift=add_up,
        slopes=(hi - lo) / 2.0,
        bends=(hi + lo) / 2.0 - nominal,
        factor_names=columns[0],
        factor_codes=columns[1],
        factor_of_normsys=columns[2],
        factor_rows=np.array(columns[3], dtype=np.int64),
        factor_lo=np.array(columns[4], dtype=np.float64),
        factor_hi=np.array(columns[5], dtype=np.float64),
        direct=tuple(direct),
        names=SampleNames.of(sample),
    )


def _check_sizes(where: str, sample: Sample, removed: set[str]) -> None:
    """Refuse variations that are too large."""
    for m in sample.modifiers:
        if isinstance(m, HistoSys):
            if max(map(abs, (*m.lo_data, *m.hi_data))) > LARGEST:
                check_size(f"{where}: histosys {m.name!r}", np.array([m.lo_data, m.hi_data], dtype=np.float64))
        elif isinstance(m, NormSys) and m.name not in removed and max(abs(m.lo), abs(m.hi)) > LARGEST:
            check_size(f"{where}: normsys {m.name!r}", np.array([m.lo, m.hi], dtype=np.float64))
