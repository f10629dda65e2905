"""What is given to ROOT: nothing that its interpreter, its factory or its shell could take for more than a name."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.crosscheck.admission import check_function, check_hs3, check_name, check_xml
from hftranslate.crosscheck.with_root import RootInstallation, Source, find_root, root_results
from hftranslate.errors import InputError, RootFailed, UnsafeInput
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.histfactory_xml.parse import parse
from hftranslate.formats.pyhf_json import from_document
from hftranslate.formats.root_histograms.container import RootFile
from hftranslate.formats.root_histograms.objects import BadObject, UnknownLayout, number_of_functions
from hftranslate.translation.load import load
from hftranslate.translation.write import write
from tests.conftest import REPOSITORY
from tests.crosscheck.test_with_root import program

HOSTILE = (
    "a,b",
    "x[0,1]",
    "x[1]y",
    "x[-1]",
    "x[1.5]",
    "x[]",
    "[1]",
    "x[\u0661]",
    "x[1234567890]",
    "a;b",
    "a(b)",
    'a"b',
    "a'b",
    "`touch PWNED`",
    "$(touch PWNED)",
    "a|b",
    "a&b",
    "a<b>",
    "a\\b",
    "a*",
    "a?",
    "a:b",
    "a{b}",
    "a=b",
    "a\tb",
    "a\nb",
    "\u202eb",
    "\x9b31m",
    " a",
    "-",
    "n" * 3000,
)
#: Names that are hostile at one place only.
ALSO = {"channel": ("1lep",), "measurement": ("../../m", "a/b")}
#: The places of names in a model.
PLACES = (
    "channel",
    "sample",
    "normfactor",
    "normsys",
    "histosys",
    "shapesys",
    "shapefactor",
    "staterror",
    "measurement",
    "poi",
    "parameter",
)


def model(place: str = "", name: str = "") -> dict[str, Any]:
    """A workspace with a modifier of each type; the name at one place is another."""
    n = {p: f"{p}_name" for p in PLACES} | ({place: name} if place else {})
    modifiers = [
        {"name": n["poi"], "type": "normfactor", "data": None},
        {"name": n["normfactor"], "type": "normfactor", "data": None},
        {"name": n["normsys"], "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": n["histosys"], "type": "histosys", "data": {"hi_data": [5.0, 4.0], "lo_data": [4.0, 3.0]}},
        {"name": n["shapesys"], "type": "shapesys", "data": [1.0, 1.0]},
        {"name": n["shapefactor"], "type": "shapefactor", "data": None},
        {"name": n["staterror"], "type": "staterror", "data": [0.5, 0.5]},
    ]
    settings = [{"name": n["parameter"], "inits": [1.0]}] if place == "parameter" else []
    return {
        "channels": [
            {"name": n["channel"], "samples": [{"name": n["sample"], "data": [5.0, 3.0], "modifiers": modifiers}]}
        ],
        "observations": [{"name": n["channel"], "data": [6, 3]}],
        "measurements": [{"name": n["measurement"], "config": {"poi": n["poi"], "parameters": settings}}],
        "version": "1.0.0",
    }


@pytest.fixture
def python(tmp_path: Path) -> str:
    """Stands for a Python with ROOT: leaves a file where it was asked to evaluate a model."""
    text = (
        "#!{python}\nimport sys\nif sys.argv[1] != '-c':\n    open({started!r}, 'w').close()\n    sys.exit('started')\n"
    )
    return program(tmp_path / "python", text, started=str(tmp_path / "started"))


def given_to_root(path: Path, python: str, tool: str | None = None) -> bool:
    """Whether ROOT was asked to evaluate the model; otherwise it was refused in a sentence."""
    started = path.parent / "started"
    started.unlink(missing_ok=True)
    installation = RootInstallation(python=python, hist2workspace=tool)
    with pytest.raises(InputError) as caught:
        root_results(Source(path=path), load(path).workspace, installation)
    assert started.exists() == isinstance(caught.value, RootFailed)
    return started.exists()


def test_what_is_not_hostile_reaches_root(python: str, tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    for place in PLACES:
        for name in ("Wt +jets/2.5-x_1 \u00b5" if place != "measurement" else "m 1.5-x", "SR[1]"):
            path.write_text(json.dumps(model(place, name)))
            assert given_to_root(path, python)


@pytest.mark.parametrize("place", PLACES)
def test_names_of_json(place: str, python: str, tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    for name in (*HOSTILE, *ALSO.get(place, ())):
        path.write_text(json.dumps(model(place, name)))
        assert not given_to_root(path, python), name


def xml_model(folder: Path, change: Callable[[str], str]) -> Path:
    """The model as XML in which the text of all documents is changed."""
    write(from_document(model()), folder / "top.xml", sidecar=False)
    for path in (folder / "top.xml", *(folder / "config").iterdir()):
        if path.suffix == ".xml":
            path.write_text(change(path.read_text()))
    return folder / "top.xml"


@pytest.mark.parametrize("place", [p for p in PLACES[:9] if p != "staterror"])
def test_names_of_xml(place: str, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = xml_model(tmp_path, lambda text: text)
    assert given_to_root(path, python)
    texts = {p: p.read_text() for p in (path, *(tmp_path / "config").glob("*.xml"))}
    for name in (n for n in (*HOSTILE, *ALSO.get(place, ())) if n.isprintable() or n == "a\nb"):
        written = quoteattr(name).replace("\n", "&#10;")
        for file, text in texts.items():
            file.write_text(text.replace(f'Name="{place}_name"', f"Name={written}"))
        assert not given_to_root(path, python), name


TERM = '<ConstraintTerm Type="Gamma" RelativeUncertainty="0.1">normsys_name;x</ConstraintTerm></Measurement>'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<POI>poi_name", "<POI>poi_name a$(id)"),
        ("</Measurement>", '<ParamSetting Const="True">alpha_[0,1]</ParamSetting></Measurement>'),
        ("</Measurement>", TERM),
        ('InputFile="./data/data.root"', 'InputFile="./data/data.root;touch PWNED;$x"'),
        ('InputFile="./data/data.root"', 'InputFile="root://example.org//data.root"'),
        ('InputFile="./data/data.root"', 'InputFile="~/data.root"'),
        ('HistoName="channel_name_data"', 'HistoName="channel_name_data;*"'),
        ('InputFile="./data/data.root"', 'InputFile="./data/data.root" HistoPath="`touch PWNED`"'),
    ],
)
def test_other_texts_of_xml(old: str, new: str, tmp_path: Path) -> None:
    notes, path = Notes(), xml_model(tmp_path, lambda text: text.replace(old, new))
    driver = parse(path.read_bytes(), "top.xml", "Combination", notes)
    channel = parse((tmp_path / driver.all("Input")[0].text).read_bytes(), "channel.xml", "Channel", notes)
    with pytest.raises(UnsafeInput, match=r"^(top|channel)\.xml:\d+: <.*is not given to ROOT"):
        check_xml([driver, channel])


FUNCTIONS = {
    "system": ('system("touch PWNED")', "y[1,0,10]"),
    "getcwd": ("y+0*system(getcwd(0,0))", "y[1,0,10]"),
    "string": ("y+(0*gSystem->Exec('id'))", "y[1,0,10]"),
    "several statements": ("y);gSystem->Exec(0", "y[1,0,10]"),
    "end of the factory's text": ("y',y)", "y[1,0,10]"),
    "another object": ("y", "expr::z('system(0)',y[1,0,10])"),
    "in brackets": ("y", "y[system(0)]"),
    "a name that is no name": ("y", "y(0)[1,0,10]"),
    "no letters": ("y", "y[1,0,10],\u0430[1,0,10]"),
    "a line": ("y+0\n", "y[1,0,10]"),
    "other digits": ("y", "y[\u0661,0,10]"),
}


@pytest.mark.parametrize("which", FUNCTIONS)
def test_functions(which: str, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a norm factor uses them or not: ROOT makes them all."""
    expression, dependents = (quoteattr(t).replace("\n", "&#10;") for t in FUNCTIONS[which])
    monkeypatch.chdir(tmp_path)
    tool = program(tmp_path / "hist2workspace", "#!{python}\nopen({log!r}, 'w')\n", log=str(tmp_path / "tool"))
    for name in ("normfactor_name", "nobody"):
        text = f'<Function Name="{name}" Expression={expression} Dependents={dependents}/><Input>'
        path = xml_model(tmp_path, lambda xml, text=text: xml.replace("<Input>", text, 1))
        assert not given_to_root(path, python)
        with pytest.raises(InputError):
            root_results(Source(path=path), load(path).workspace, RootInstallation(python=python, hist2workspace=tool))
        assert not (tmp_path / "tool").exists()


@pytest.mark.parametrize("name", ["x;y", "system(0)", "1x", "", "x-y"])
def test_names_of_functions(name: str) -> None:
    with pytest.raises(UnsafeInput, match="must be an identifier"):
        check_function(name, "y", "y[1]")


def test_messages() -> None:
    with pytest.raises(UnsafeInput, match=r"sample 'a,b': a name with ',' is not given to ROOT.*hftranslate rename"):
        check_name("sample", "a,b")
    with pytest.raises(UnsafeInput, match=r"which would run it: .*no function 'system' of 1 argument"):
        check_function("f", "system(y)", "y[1]")


def test_parsers_that_differ_cannot_be_played_off(python: str, tmp_path: Path) -> None:
    """Scripts read what our parser saw, not the file: a default that a DTD declares is none."""
    declared = '<!DOCTYPE Combination [<!ATTLIST Function Expression CDATA "system(0)">]>'
    function = '<Function Name="f" Dependents="y[1]"/><Input>'
    path = xml_model(tmp_path, lambda text: text.replace("<Input>", function, 1))
    path.write_text(declared + path.read_text().split("?>", 1)[1].split(">", 1)[1])
    installation = RootInstallation(python=python, hist2workspace=None)
    with pytest.raises(InputError):
        root_results(Source(path=path), from_document(model()), installation)
    assert not (tmp_path / "started").exists()


def test_where_output_goes_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix of output files, which may lead anywhere, reaches neither the scripts nor hist2workspace."""
    monkeypatch.chdir(tmp_path)
    path = xml_model(tmp_path, lambda text: text.replace('"./results/top"', '"../../x"'))
    assert "../../x" in path.read_text()
    copy = "#!{python}\nimport shutil, sys\nshutil.copy(sys.argv[{n}], {seen!r})\nsys.exit(1)\n"
    python = program(tmp_path / "python", copy, n="2", seen=str(tmp_path / "1.xml"))
    tool = program(tmp_path / "tool", copy, n="1", seen=str(tmp_path / "2.xml"))
    for n, (hist2workspace, expected) in enumerate(
        [(None, ""), (tool, ' OutputFilePrefix="./results/FitConfig"')], start=1
    ):
        installation = RootInstallation(python=python, hist2workspace=hist2workspace)
        with pytest.raises(RootFailed):
            root_results(Source(path=path), load(path).workspace, installation)
        assert f"<Combination{expected}>" in (tmp_path / f"{n}.xml").read_text()


def test_confined_models_stay_so_in_root(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOT opens the histograms itself, where the working directory says, also where we would find another file."""
    inside = tmp_path / "inside"
    inside.mkdir()
    path = xml_model(inside, lambda text: text.replace("./data/data.root", "../outside.root"))
    (tmp_path / "outside.root").write_bytes((inside / "data" / "data.root").read_bytes())
    monkeypatch.chdir(inside)
    installation = RootInstallation(python=python, hist2workspace=None)
    for confine, refused in ((False, RootFailed), (True, UnsafeInput)):
        with pytest.raises(refused, match=r"started|leads outside the folder of the XML"):
            root_results(Source(path=path, confine=confine), from_document(model()), installation)
    (inside / "link.root").symlink_to(tmp_path / "outside.root")
    path = xml_model(inside, lambda text: text.replace("./data/data.root", "link.root"))
    with pytest.raises(UnsafeInput, match=r"link\.root' leads outside"):
        root_results(Source(path=path, confine=True), from_document(model()), installation)


def test_histograms_with_functions() -> None:
    """ROOT compiles a function when it reads the histogram that it hangs on; what it writes without any passes."""
    with closing(RootFile(REPOSITORY / "validation" / "cases" / "root_files" / "none.root")) as file:
        for name, key in file.top.items():
            if not name.startswith("TH"):
                continue
            data = file.payload(key)
            assert number_of_functions(data, key.class_name) == 0
            found = []
            for at in range(len(data) - 3):
                with suppress(BadObject, UnknownLayout):
                    found.append(number_of_functions(data[:at] + b"\0\0\0\1" + data[at + 4 :], key.class_name))
            assert 1 in found


def test_modules_of_the_working_directory_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ROOT.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(RootFailed, match="no ROOT"):
        find_root("/usr/bin/env")
    with suppress(RootFailed):
        find_root(sys.executable)
    assert not (tmp_path / "PWNED").exists()


WITH_FUNCTION = """
import sys, ROOT
file = ROOT.TFile.Open(sys.argv[1], "UPDATE")
histogram = file.Get("channel_name_sample_name")
histogram.GetListOfFunctions().Add(ROOT.TF1("f", "x+0*sin(x)", 0, 2))
file.WriteTObject(histogram, histogram.GetName(), "Overwrite")
file.Close()
"""


@pytest.mark.root
def test_live_functions_on_histograms(warm_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = xml_model(tmp_path, lambda text: text)
    subprocess.run([warm_root, "-c", WITH_FUNCTION, "data/data.root"], check=True, capture_output=True)
    arguments = ["crosscheck", str(path), "--with-root", "--root-python", warm_root]
    found = CliRunner().invoke(cli, arguments)
    assert isinstance(found.exception, UnsafeInput)
    assert "functions hang on histogram 'channel_name_sample_name'" in str(found.exception)


@pytest.mark.root
@pytest.mark.parametrize("as_xml", [False, True])
def test_live_places(as_xml: bool, warm_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOT takes names that end with a number in brackets, wherever they are, and means what we do."""
    monkeypatch.chdir(tmp_path)
    document = json.loads(json.dumps(model()).replace('_name"', '_name[2]"'))
    (sample,) = document["channels"][0]["samples"]
    sample["modifiers"] = [m for m in sample["modifiers"] if m["type"] not in ("shapefactor", "normfactor")] + [
        {"name": "poi_name[2]", "type": "normfactor", "data": None}
    ]
    path = tmp_path / "w.json"
    path.write_text(json.dumps(document))
    if as_xml:
        write(from_document(document), tmp_path / "top.xml", sidecar=False)
        path = tmp_path / "top.xml"
    found = CliRunner().invoke(
        cli, ["crosscheck", str(path), "--with-root", "--root-python", warm_root, "--json", "report.json"]
    )
    assert found.exit_code == 0, found.output
    judged = {rung["name"]: rung for rung in json.loads((tmp_path / "report.json").read_text())["rungs"]}
    assert all(judged[name]["verdict"] == "passed" for name in ("yields", "nll", "best fit", "uncertainties"))


@pytest.mark.root
def test_live(root_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command in the name of the working directory, which a Function would hand to a shell; and one that is fine."""
    folder = tmp_path / "a;touch PWNED;"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / ".rootrc").write_text("Root.DynamicPath: /nowhere\nUnix.*.Root.MacroPath: .\n")
    text = '<Function Name="normfactor_name" Expression="y+0*system(getcwd(0,0))" Dependents="y[1,0,10]"/><Input>'
    path = xml_model(folder, lambda xml: xml.replace("<Input>", text, 1))
    arguments = ["crosscheck", str(path), "--with-root", "--root-python", root_python]
    assert isinstance(CliRunner().invoke(cli, arguments).exception, UnsafeInput)
    assert not list(tmp_path.rglob("PWNED"))
    path = xml_model(folder, lambda xml: xml.replace("<Input>", text.replace("+0*system(getcwd(0,0))", ""), 1))
    result = CliRunner().invoke(cli, arguments)
    assert "nll            passed" in result.output


# ---------------------------------------------------------------------------------------------------------------- HS3
def hs3_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((REPOSITORY / "tests" / "data" / "hs3" / "lumi_value.json").read_text())
    document["functions"] = [{"name": "f", "type": "generic_function", "expression": "1+0.1*Lumi"}]
    return document


def test_what_root_exported_is_given_to_root() -> None:
    check_hs3(hs3_document())


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in (" a", "-")])
@pytest.mark.parametrize("place", ["channel", "parameter", "key"])
def test_texts_of_hs3_that_root_could_execute(place: str, name: str) -> None:
    document = hs3_document()
    if place == "channel":
        document["distributions"][0]["name"] = name
    elif place == "parameter":
        document["distributions"][0]["samples"][0]["modifiers"][0]["parameter"] = name
    else:
        document["misc"]["ROOT_internal"]["attributes"][name] = {}
    with pytest.raises(UnsafeInput):
        check_hs3(document)


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        ("functions", {"name": "g", "type": "generic_function", "expression": "gSystem->Exec(1)"}),
        ("functions", {"name": "g", "type": "generic_function", "expression": "x[0];y"}),
        ("functions", {"name": "g", "type": "interpolation"}),
        ("distributions", {"name": "g", "type": "generic_dist", "expression": "x"}),
        ("domains", {"name": "g", "type": "simplex"}),
    ],
)
def test_parts_of_hs3_that_root_could_execute(part: str, entry: dict[str, Any]) -> None:
    document = hs3_document()
    document[part].append(entry)
    with pytest.raises(UnsafeInput):
        check_hs3(document)
