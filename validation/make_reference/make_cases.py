"""Writes the small cases, each about one thing that ROOT and JSON say differently, to ``validation/cases``."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from json_library import JSON_LIBRARY
from library import LIBRARY
from writing import Histogram, target_folder, write_case

EDGES = [0.0, 1.0, 3.0, 4.0]
CR_EDGES = [0.0, 2.0, 5.0]

_SIGNAL = """\
  <Sample Name="signal" HistoName="signal">
    <NormFactor Name="mu" Val="1.0" Low="0.0" High="10.0"/>
    <OverallSys Name="acceptance" Low="0.93" High="1.06"/>
  </Sample>
"""


def _driver(channels: list[str], settings: str, *, lumi: str = "1.0", error: str = "0.02") -> str:
    inputs = "".join(f"  <Input>./{channel}.xml</Input>\n" for channel in channels)
    return (
        f'<Combination OutputFilePrefix="./results/model">\n{inputs}'
        f'  <Measurement Name="measurement" Lumi="{lumi}" LumiRelErr="{error}">\n    <POI>mu</POI>\n{settings}'
        "  </Measurement>\n</Combination>\n"
    )


def _channel(name: str, body: str) -> str:
    return f'<Channel Name="{name}" InputFile="./data.root" HistoPath="{name}">\n{body}</Channel>\n'


def _write(folder: Path, driver: str, channels: Mapping[str, str], histograms: Mapping[str, Histogram]) -> None:
    files = {"model.xml": driver} | {f"{c}.xml": _channel(c, body) for c, body in channels.items()}
    write_case(folder, "model.xml", files, histograms)


def _region() -> dict[str, Histogram]:
    """One region with a signal and two backgrounds."""
    return {
        "SR/observed": Histogram(EDGES, [63.0, 80.0, 29.0]),
        "SR/signal": Histogram(EDGES, [5.3, 10.7, 3.1], [0.52, 0.81, 0.43]),
        "SR/background": Histogram(EDGES, [50.2, 60.9, 20.4], [4.1, 2.3, 3.2]),
        "SR/rare": Histogram(EDGES, [4.1, 7.6, 3.9], [1.3, 0.9, 1.1]),
    }


def staterror(cases: Path, constraint: str, threshold: str) -> None:
    """Stat errors of two samples combined, with pruning; those of "rare" from a histogram of relative errors."""
    body = f"""\
  <Data HistoName="observed"/>
  <StatErrorConfig RelErrorThreshold="{threshold}" ConstraintType="{constraint}"/>
{_SIGNAL}\
  <Sample Name="background" HistoName="background">
    <StatError Activate="True"/>
    <OverallSys Name="xsec" Low="0.91" High="1.12"/>
  </Sample>
  <Sample Name="rare" HistoName="rare">
    <StatError Activate="True" HistoName="rare_relative"/>
  </Sample>
"""
    extra = {"SR/rare_relative": Histogram(EDGES, [0.31, 0.22, 0.47])}
    constant = '    <ParamSetting Const="True">Lumi</ParamSetting>\n'
    _write(cases / f"staterror_{constraint.lower()}", _driver(["SR"], constant), {"SR": body}, _region() | extra)


def shapesys_gaussian(cases: Path) -> None:
    """ShapeSys with ROOT's default constraint, Gaussian; one bin without uncertainty; Lumi floats."""
    body = f"""\
  <Data HistoName="observed"/>
{_SIGNAL}\
  <Sample Name="background" HistoName="background">
    <ShapeSys Name="background_shape" HistoName="background_shape"/>
  </Sample>
  <Sample Name="rare" HistoName="rare">
    <ShapeSys Name="rare_shape" HistoName="rare_shape" ConstraintType="Gaussian"/>
  </Sample>
"""
    extra = {
        "SR/background_shape": Histogram(EDGES, [0.08, 0.15, 0.0]),
        "SR/rare_shape": Histogram(EDGES, [0.33, 0.41, 0.27]),
    }
    _write(cases / "shapesys_gaussian", _driver(["SR"], "", error="0.03"), {"SR": body}, _region() | extra)


def coupled_channels(cases: Path) -> None:
    """Two channels sharing a norm factor and a systematic that is a shape in one and a normalisation in the other.

    The histograms are for one unit of luminosity, the data for two.
    """
    signal_region = f"""\
  <Data HistoName="observed"/>
{_SIGNAL}\
  <Sample Name="background" HistoName="background">
    <NormFactor Name="k" Val="1.1" Low="0.0" High="5.0"/>
    <HistoSys Name="JES" HistoNameHigh="background_JES_up" HistoNameLow="background_JES_down"/>
  </Sample>
  <Sample Name="rare" HistoName="rare">
    <OverallSys Name="xsec_rare" Low="0.74" High="1.35"/>
    <HistoSys Name="JES" HistoNameHigh="rare_JES_up" HistoNameLow="rare_JES_down"/>
  </Sample>
"""
    control_region = """\
  <Data HistoName="observed"/>
  <Sample Name="background" HistoName="background">
    <NormFactor Name="k" Val="1.1" Low="0.0" High="5.0"/>
    <OverallSys Name="JES" Low="0.958" High="1.071"/>
  </Sample>
  <Sample Name="rare" HistoName="rare">
    <OverallSys Name="xsec_rare" Low="0.74" High="1.35"/>
  </Sample>
"""
    extra = {
        "SR/observed": Histogram(EDGES, [118.0, 151.0, 55.0]),
        "SR/background_JES_up": Histogram(EDGES, [53.1, 66.8, 23.9]),
        "SR/background_JES_down": Histogram(EDGES, [48.4, 57.1, 16.2]),
        "SR/rare_JES_up": Histogram(EDGES, [4.4, 7.9, 6.8]),
        "SR/rare_JES_down": Histogram(EDGES, [3.6, 6.9, 0.7]),  # negative, hence clipped, beyond -1.2 deviations
        "CR/observed": Histogram(CR_EDGES, [263.0, 171.0]),
        "CR/background": Histogram(CR_EDGES, [121.7, 80.3]),
        "CR/rare": Histogram(CR_EDGES, [3.2, 2.8]),
    }
    driver = _driver(["SR", "CR"], "", lumi="2.0", error="0.05")
    _write(cases / "coupled_channels", driver, {"SR": signal_region, "CR": control_region}, _region() | extra)


def main(cases: Path) -> None:
    """Write one folder per case below the given one."""
    staterror(cases, "Poisson", "0.05")
    staterror(cases, "Gaussian", "0.0")
    shapesys_gaussian(cases)
    coupled_channels(cases)
    for name, xml in LIBRARY.items():
        case = xml()
        files = {"model.xml": case.driver} | {f"{channel}.xml": text for channel, text in case.channels.items()}
        write_case(cases / name, "model.xml", files, case.histograms)
    for name, document in JSON_LIBRARY.items():
        (cases / name).mkdir(parents=True, exist_ok=True)
        (cases / name / "workspace.json").write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(target_folder(sys.argv[1:]))
