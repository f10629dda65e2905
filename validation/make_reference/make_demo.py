"""Writes the embedded demonstration model to ``validation/cases/demo``: all seven modifier types, two channels.

A search for a signal at large effective mass. SR is the signal region; CR has inverted isolation and is dominated by
multijet events, whose shape it measures for SR (ShapeFactor). The ttbar normalisation is free, non-prompt leptons
("fakes") carry independent uncertainties per bin (ShapeSys), the luminosity is known to 2 %.
"""

import sys
from pathlib import Path

import numpy as np
from writing import Histogram, target_folder, write_case

EDGES = [300.0, 400.0, 550.0, 800.0, 1300.0]  # effective mass in GeV

#: Expected events and their statistical uncertainties, per channel and sample.
NOMINAL: dict[str, dict[str, tuple[list[float], list[float]]]] = {
    "SR": {
        "signal": ([1.398, 3.293, 5.883, 4.928], [0.158, 0.243, 0.324, 0.297]),
        "ttbar": ([82.41, 38.73, 14.87, 3.714], [2.613, 1.791, 1.109, 0.554]),
        "Wjets": ([40.18, 21.33, 9.618, 3.421], [2.187, 1.593, 1.070, 0.638]),
        "multijet": ([18.52, 7.214, 2.407, 0.613], [0.0, 0.0, 0.0, 0.0]),
        "fakes": ([9.127, 5.388, 2.193, 0.847], [0.0, 0.0, 0.0, 0.0]),
    },
    "CR": {
        "signal": ([0.104, 0.184, 0.274, 0.215], [0.043, 0.057, 0.070, 0.062]),
        "ttbar": ([55.29, 24.82, 8.713, 2.241], [2.140, 1.434, 0.850, 0.431]),
        "Wjets": ([61.74, 30.42, 12.09, 3.908], [2.711, 1.903, 1.200, 0.682]),
        "multijet": ([412.6, 188.3, 71.38, 21.87], [0.0, 0.0, 0.0, 0.0]),
    },
}
OBSERVED = {"SR": [162.0, 68.0, 32.0, 10.0], "CR": [541.0, 236.0, 97.0, 26.0]}

#: Relative change of the yield per bin at +1 and -1 standard deviation: (channel, sample, systematic).
SHAPES: dict[tuple[str, str, str], tuple[list[float], list[float]]] = {
    ("SR", "signal", "JES"): ([-0.052, 0.011, 0.034, 0.061], [0.047, -0.015, -0.041, -0.068]),
    ("SR", "ttbar", "JES"): ([0.021, 0.048, 0.083, 0.117], [-0.026, -0.041, -0.072, -0.131]),
    ("SR", "Wjets", "JES"): ([0.017, 0.039, 0.071, 0.128], [-0.014, -0.047, -0.086, -0.109]),
    ("CR", "ttbar", "JES"): ([0.019, 0.044, 0.079, 0.112], [-0.023, -0.038, -0.067, -0.124]),
    ("CR", "Wjets", "JES"): ([0.015, 0.035, 0.069, 0.121], [-0.013, -0.044, -0.082, -0.102]),
    ("SR", "ttbar", "ttbar_radiation"): ([-0.028, 0.019, 0.076, 0.152], [0.033, -0.014, -0.059, -0.118]),
    ("CR", "ttbar", "ttbar_radiation"): ([-0.025, 0.017, 0.068, 0.139], [0.029, -0.013, -0.054, -0.107]),
}
FAKES_UNCERTAINTY = [0.12, 0.18, 0.27, 0.42]

DRIVER = """\
<Combination OutputFilePrefix="./results/demo">
  <Input>./SR.xml</Input>
  <Input>./CR.xml</Input>
  <Measurement Name="demo" Lumi="1.0" LumiRelErr="0.02">
    <POI>mu</POI>
  </Measurement>
</Combination>
"""

SIGNAL_REGION = """\
<Channel Name="SR" InputFile="./data.root">
  <Data HistoName="observed" HistoPath="SR"/>
  <StatErrorConfig RelErrorThreshold="0.02" ConstraintType="Gaussian"/>
  <Sample Name="signal" HistoPath="SR/signal" HistoName="nominal">
    <StatError Activate="True"/>
    <NormFactor Name="mu" Val="1.0" Low="0.0" High="10.0"/>
    <OverallSys Name="btag" Low="0.955" High="1.038"/>
    <HistoSys Name="JES" HistoNameHigh="JES_up" HistoNameLow="JES_down"/>
  </Sample>
  <Sample Name="ttbar" HistoPath="SR/ttbar" HistoName="nominal">
    <StatError Activate="True"/>
    <NormFactor Name="mu_ttbar" Val="1.0" Low="0.0" High="5.0"/>
    <OverallSys Name="btag" Low="0.963" High="1.031"/>
    <HistoSys Name="JES" HistoNameHigh="JES_up" HistoNameLow="JES_down"/>
    <HistoSys Name="ttbar_radiation" HistoNameHigh="ttbar_radiation_up" HistoNameLow="ttbar_radiation_down"/>
  </Sample>
  <Sample Name="Wjets" HistoPath="SR/Wjets" HistoName="nominal">
    <StatError Activate="True"/>
    <OverallSys Name="xsec_Wjets" Low="0.88" High="1.15"/>
    <OverallSys Name="btag" Low="1.062" High="0.948"/>
    <HistoSys Name="JES" HistoNameHigh="JES_up" HistoNameLow="JES_down"/>
  </Sample>
  <Sample Name="multijet" HistoPath="SR/multijet" HistoName="nominal">
    <OverallSys Name="multijet_transfer" Low="0.81" High="1.24"/>
    <ShapeFactor Name="multijet_shape"/>
  </Sample>
  <Sample Name="fakes" HistoPath="SR/fakes" HistoName="nominal">
    <ShapeSys Name="fakes_rate" HistoName="fakes_rate" ConstraintType="Poisson"/>
  </Sample>
</Channel>
"""

CONTROL_REGION = """\
<Channel Name="CR" InputFile="./data.root" HistoPath="CR">
  <Data HistoName="observed"/>
  <StatErrorConfig RelErrorThreshold="0.05" ConstraintType="Gaussian"/>
  <Sample Name="signal" HistoPath="CR/signal" HistoName="nominal">
    <StatError Activate="True"/>
    <NormFactor Name="mu" Val="1.0" Low="0.0" High="10.0"/>
    <OverallSys Name="JES" Low="0.972" High="1.023"/>
    <OverallSys Name="btag" Low="0.955" High="1.038"/>
  </Sample>
  <Sample Name="ttbar" HistoPath="CR/ttbar" HistoName="nominal">
    <StatError Activate="True"/>
    <NormFactor Name="mu_ttbar" Val="1.0" Low="0.0" High="5.0"/>
    <OverallSys Name="btag" Low="0.963" High="1.031"/>
    <HistoSys Name="JES" HistoNameHigh="JES_up" HistoNameLow="JES_down"/>
    <HistoSys Name="ttbar_radiation" HistoNameHigh="ttbar_radiation_up" HistoNameLow="ttbar_radiation_down"/>
  </Sample>
  <Sample Name="Wjets" HistoPath="CR/Wjets" HistoName="nominal">
    <StatError Activate="True"/>
    <OverallSys Name="xsec_Wjets" Low="0.88" High="1.15"/>
    <OverallSys Name="btag" Low="1.062" High="0.948"/>
    <HistoSys Name="JES" HistoNameHigh="JES_up" HistoNameLow="JES_down"/>
  </Sample>
  <Sample Name="multijet" HistoPath="CR/multijet" HistoName="nominal">
    <ShapeFactor Name="multijet_shape"/>
  </Sample>
</Channel>
"""


def histograms() -> dict[str, Histogram]:
    """Everything in ``data.root``: one directory per channel and sample."""
    found = {}
    for channel, samples in NOMINAL.items():
        found[f"{channel}/observed"] = Histogram(EDGES, OBSERVED[channel])
        for sample, (contents, errors) in samples.items():
            found[f"{channel}/{sample}/nominal"] = Histogram(EDGES, contents, errors)
    for (channel, sample, systematic), (up, down) in SHAPES.items():
        nominal = np.asarray(NOMINAL[channel][sample][0])
        for direction, change in (("up", up), ("down", down)):
            varied = nominal * (1.0 + np.asarray(change))
            found[f"{channel}/{sample}/{systematic}_{direction}"] = Histogram(EDGES, varied.tolist())
    found["SR/fakes/fakes_rate"] = Histogram(EDGES, FAKES_UNCERTAINTY)
    return found


def main(cases: Path) -> None:
    """Write the folder ``demo`` below the given one."""
    files = {"demo.xml": DRIVER, "SR.xml": SIGNAL_REGION, "CR.xml": CONTROL_REGION}
    write_case(cases / "demo", "demo.xml", files, histograms())


if __name__ == "__main__":
    main(target_folder(sys.argv[1:]))
