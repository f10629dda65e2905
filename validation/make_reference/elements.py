"""HistFactory XML as text: one function per element, so that a case reads like the model it is about."""

from collections.abc import Sequence


def _attributes(**values: object) -> str:
    return "".join(f' {key}="{value}"' for key, value in values.items() if value is not None)


def norm_factor(name: str, value: float = 1.0, low: float = 0.0, high: float = 10.0) -> str:
    return f"<NormFactor{_attributes(Name=name, Val=value, Low=low, High=high)}/>"


def overall_sys(name: str, low: float, high: float) -> str:
    return f"<OverallSys{_attributes(Name=name, Low=low, High=high)}/>"


def histo_sys(name: str, histogram: str) -> str:
    """A HistoSys with the histograms ``<histogram>_up`` and ``<histogram>_down``."""
    names = _attributes(Name=name, HistoNameHigh=f"{histogram}_up", HistoNameLow=f"{histogram}_down")
    return f"<HistoSys{names}/>"


def shape_sys(name: str, histogram: str, constraint: str | None = None) -> str:
    return f"<ShapeSys{_attributes(Name=name, HistoName=histogram, ConstraintType=constraint)}/>"


def shape_factor(name: str) -> str:
    return f"<ShapeFactor{_attributes(Name=name)}/>"


def stat_error(histogram: str | None = None) -> str:
    return f"<StatError{_attributes(Activate='True', HistoName=histogram)}/>"


def inactive_stat_error() -> str:
    return f"<StatError{_attributes(Activate='False')}/>"


def sample(name: str, *modifiers: str, theory: bool | None = None) -> str:
    """A sample whose histogram has its name."""
    opening = f"  <Sample{_attributes(Name=name, HistoName=name, NormalizeByTheory=theory)}>\n"
    return opening + "".join(f"    {m}\n" for m in modifiers) + "  </Sample>\n"


def signal(*modifiers: str, low: float = 0.0, high: float = 10.0, theory: bool | None = None) -> str:
    """The signal sample with its strength ``mu``."""
    return sample("signal", norm_factor("mu", 1.0, low, high), *modifiers, theory=theory)


def channel(name: str, *samples: str, stat: tuple[float, str] | None = None) -> str:
    """A channel whose histograms lie in the directory of its name; ``stat``: threshold and constraint type."""
    config = ""
    if stat is not None:
        config = f"  <StatErrorConfig{_attributes(RelErrorThreshold=stat[0], ConstraintType=stat[1])}/>\n"
    opening = f"<Channel{_attributes(Name=name, InputFile='./data.root', HistoPath=name)}>\n"
    return opening + '  <Data HistoName="observed"/>\n' + config + "".join(samples) + "</Channel>\n"


def setting(names: str, *, constant: bool | None = None, value: float | None = None) -> str:
    return f"<ParamSetting{_attributes(Const=constant, Val=value)}>{names}</ParamSetting>"


def constraint_term(name: str, kind: str, relative: float | None = None) -> str:
    return f"<ConstraintTerm{_attributes(Type=kind, RelativeUncertainty=relative)}>{name}</ConstraintTerm>"


def measurement(
    *settings: str, name: str = "measurement", poi: str = "mu", lumi: float = 1.0, error: float = 0.02
) -> str:
    opening = f"  <Measurement{_attributes(Name=name, Lumi=lumi, LumiRelErr=error)}>\n    <POI>{poi}</POI>\n"
    return opening + "".join(f"    {s}\n" for s in settings) + "  </Measurement>\n"


def driver(channels: Sequence[str], *measurements: str, functions: Sequence[str] = ()) -> str:
    inputs = "".join(f"  <Input>./{name}.xml</Input>\n" for name in channels)
    head = "".join(f"  {function}\n" for function in functions)
    return f'<Combination OutputFilePrefix="./results/model">\n{head}{inputs}{"".join(measurements)}</Combination>\n'
