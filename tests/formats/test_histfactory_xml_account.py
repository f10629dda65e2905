"""What became of every attribute."""

from pathlib import Path

import pytest

from hftranslate.formats.histfactory_xml import FATES, XmlOptions, read, read_accounted, table

TOP = """<!DOCTYPE Combination SYSTEM "HistFactorySchema.dtd">
<Combination OutputFilePrefix="./results/m">
  <Input>./SR.xml</Input>
  <Measurement Name="meas" Lumi="1.0" LumiRelErr="0.1" BinLow="0"><POI>mu</POI></Measurement>
</Combination>
"""
SR = """<!DOCTYPE Channel SYSTEM "HistFactorySchema.dtd">
<Channel Name="SR" InputFile="./data.root">
  <Sample Name="sig" HistoName="sig" NormalizeByTheory="True">
    <NormFactor Name="mu" Val="1" Low="0" High="10" Const="True"/>
    <StatError Activate="True"/>
  </Sample>
</Channel>
"""


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    from hftranslate.formats.root_histograms import Histogram, write_histograms

    (tmp_path / "top.xml").write_text(TOP)
    (tmp_path / "SR.xml").write_text(SR)
    write_histograms(tmp_path / "data.root", {"sig": Histogram(contents=(1.0,), edges=((0.0, 1.0),))})
    return tmp_path / "top.xml"


def test_every_attribute_is_accounted_for(driver: Path) -> None:
    workspace, outcomes, fates = read_accounted(driver)
    assert (workspace, outcomes) == read(driver)
    stated = [f for f in fates if f.fate != "defaulted"]
    assert len(stated) == (TOP + SR).count("=") == 16
    found = {(f.where.split("<")[1].split(" ")[0].rstrip(">"), f.attribute): f.fate for f in fates}
    assert found["Combination", "OutputFilePrefix"] == "kept"
    assert found["Measurement", "LumiRelErr"] == "converted"
    assert found["Measurement", "BinLow"] == "kept"
    assert found["NormFactor", "Const"] == "dropped"
    assert found["Sample", "HistoName"] == "converted"
    assert found["Sample", "NormalizeByTheory"] == "kept"
    assert set(found.values()) == set(FATES)


@pytest.mark.parametrize(
    ("version", "constraint", "sample"), [("6.40", "Poisson", "kept"), ("6.20", "Gaussian", "converted")]
)
def test_defaults_have_their_source(driver: Path, version: str, constraint: str, sample: str) -> None:
    _, _, fates = read_accounted(driver, XmlOptions(root_version=version))
    defaults = {f.attribute: f for f in fates if f.fate == "defaulted"}
    assert defaults["StatErrorConfig ConstraintType"].value == constraint
    assert defaults["StatErrorConfig RelErrorThreshold"].value == "0.05"
    assert defaults["StatErrorConfig ConstraintType"].source.endswith(f"of ROOT {version}")
    assert [f.fate for f in fates if f.attribute == "NormalizeByTheory"] == [sample]


def test_the_table_counts(driver: Path) -> None:
    lines = table(read_accounted(driver)[2]).splitlines()
    assert lines[0].split() == ["element", "attribute", "fate", "n", "in", "the", "model"]
    assert any(line.split()[:4] == ["NormFactor", "Const", "dropped", "1"] for line in lines)
    assert any("StatErrorConfig RelErrorThreshold" in line and "0.05; ConfigParser.cxx" in line for line in lines)
