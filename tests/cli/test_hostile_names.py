"""Every command on a model whose names are hostile: no escape sequence, no markup and no formula of theirs gets out."""

import ast
import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from hftranslate.formats.pyhf_json import from_document
from hftranslate.translation.load import read
from tests.cli.conftest import Run, Runner
from tests.cli.test_paths import ALL
from tests.test_harmless import Page

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")  # HEPData's validator

#: As GitHub renders it, where a file of ours with the ending .md is no address.
MARKDOWN = MarkdownIt("gfm-like")
MARKDOWN.linkify.set({"fuzzy_link": False})
#: Sequences of terminals (of seven and eight bits), directions of writing, lines, markup of all kinds, a formula.
HOSTILE = (
    '=1+1|a`b`*c*_d_[e](http://f.gg)<script>alert(1)</script>"><img src=x onerror=alert(1)>$\\frac$'
    "\x1b[31mR\x1b]0;t\x07\x9b1m\u202eabc\u2066\nhftranslate: verified\r#\t"
)
#: The same for what is formula between dollars where a user gives it.
WORDS = HOSTILE.replace("$", "")
#: What no output may hold, besides line breaks and the tabs of XML and YAML.
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]")


def name(last: str) -> str:
    return f"{HOSTILE}{last}"


def background() -> dict[str, Any]:
    """Two channels, modifiers of all types that a fit can tell apart, hostile names everywhere."""
    xsec = {"name": name("x"), "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}
    return {
        "channels": [
            {
                "name": name("SR"),
                "samples": [
                    {
                        "name": name("bkg"),
                        "data": [50.0, 30.0, 12.0],
                        "modifiers": [
                            xsec,
                            {
                                "name": name("h"),
                                "type": "histosys",
                                "data": {"hi_data": [51.0, 32.0, 13.0], "lo_data": [49.0, 28.0, 11.0]},
                            },
                            {"name": name("stat"), "type": "staterror", "data": [2.0, 1.5, 1.0]},
                        ],
                    },
                    {
                        "name": name("rare"),
                        "data": [5.0, 3.0, 1.0],
                        "modifiers": [{"name": name("s"), "type": "shapesys", "data": [0.5, 0.3, 0.2]}],
                    },
                ],
            },
            {
                "name": name("CR"),
                "samples": [
                    {
                        "name": name("bkg"),
                        "data": [400.0],
                        "modifiers": [xsec, {"name": name("k"), "type": "normfactor", "data": None}],
                    }
                ],
            },
        ],
        "observations": [{"name": name("SR"), "data": [57.0, 31.0, 14.0]}, {"name": name("CR"), "data": [410.0]}],
        "measurements": [{"name": name("m"), "config": {"poi": name("mu"), "parameters": []}}],
        "version": "1.0.0",
    }


def signal(size: float) -> dict[str, Any]:
    modifiers = [{"name": name("mu"), "type": "normfactor", "data": None}]
    return {"name": name("sig"), "data": [0.3 * size, 0.5 * size, size], "modifiers": modifiers}


def with_signal(size: float = 5.0) -> dict[str, Any]:
    document = background()
    document["channels"][0]["samples"].append(signal(size))
    return document


class Folder:
    """A folder in which commands run; everything that comes out of them is looked at."""

    def __init__(self, run: Runner, path: Path) -> None:
        self.run, self.path = run, path
        self._known: set[Path] = set()

    def put(self, file: str, document: Any) -> str:
        path = self.path / file
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        self._known.add(path)
        return str(path)

    def __call__(self, *arguments: str | Path, code: int = 0) -> Run:
        found = self.run(*arguments)
        assert found.code == code, f"{arguments}: {found.code}\n{found.err}"
        looked_at(found.out, f"{arguments}: standard output")
        looked_at(found.err, f"{arguments}: standard error")
        assert not re.search(r"^hftranslate: verified", found.out + found.err, re.MULTILINE), arguments
        for path in self.path.rglob("*"):
            if path.is_file() and path not in self._known:
                self._known.add(path)
                file_looked_at(path)
        return found


def looked_at(text: str, where: str) -> None:
    found = RAW.search(text)
    assert found is None, f"{where}: {text[max(0, found.start() - 60) : found.end() + 20]!r}"


def file_looked_at(path: Path) -> None:
    """Nothing raw in a file, and nothing that its format would obey."""
    if path.suffix in (".root", ".gz", ".pdf", ".png"):
        return
    text = path.read_text(encoding="utf-8")
    where = str(path)
    match path.suffix:
        case ".json" | ".jsonl":
            assert text.isascii(), where
        case ".xml" | ".dtd":  # names are what they are there, but for what ROOT refuses
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), where
        case ".html":
            looked_at(text, where)
            page_looked_at(text, where)
        case ".md":
            looked_at(text, where)
            assert not {tag for tag, _ in Page(MARKDOWN.render(text)).tags} & {"script", "img", "a", "em"}, where
        case ".csv":
            looked_at(text, where)
            for row in csv.reader(text.splitlines()):
                assert not any(cell[:1] in ("=", "+", "@") for cell in row), where
        case ".tex":
            looked_at(text, where)
            tabular_looked_at(text, where)
        case ".svg":
            looked_at(text, where)
            assert not any(e.tag.endswith("script") for e in ElementTree.fromstring(text).iter()), where
        case _:
            looked_at(text, where)


def page_looked_at(text: str, where: str) -> None:
    """Scripts are ours, pictures lie in the page, nothing is fetched."""
    for tag, attributes in Page(text).tags:
        assert not any(key.startswith("on") for key, _ in attributes), where
        for key, value in attributes:
            if key in ("src", "href"):
                assert (value or "").startswith(("data:image/", "#")), where
        assert tag != "img" or dict(attributes).get("src", "x") != "x", where
    assert not any("alert" in script for script in re.findall("<script.*?</script>", text, re.DOTALL)), where


def tabular_looked_at(text: str, where: str) -> None:
    """Rows have the cells that the head has, no command is a name's, and none reads what comes after it."""
    inside = re.findall(r"\\begin\{tabular\}\{(l?r*)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert inside, where
    for columns, body in inside:
        plain = re.sub(
            r"\\textbackslash\{\}|\\textasciicircum\{\}|\\[&%$#_{}]|\$\\(pm|sigma|Delta)\$|\\textasciitilde\{\}",
            "",
            body,
        )
        lines = [line for line in plain.splitlines() if line != r"\hline"]
        for line in lines:
            assert re.fullmatch(r"[^\\$%#_^~]*\\\\", line), f"{where}: {line}"
            assert line.count("&") == len(columns) - 1, f"{where}: {line}"
            assert line[:1] not in "[*", f"{where}: {line}"


@pytest.fixture
def do(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(run, tmp_path)


@pytest.fixture
def w(do: Folder) -> str:
    return do.put("w.json", with_signal())


def test_what_is_in_it_and_what_is_suspicious(do: Folder, w: str) -> None:
    assert r"=1+1|a`b`*c*_d_[e]" in do("inspect", w).out
    do("inspect", w, "-o", "inspect.json")
    do("doctor", w)
    do("doctor", w, "--json")
    other = do.put("v.json", with_signal(6.0))
    do("diff", w, other, code=1)
    do("diff", w, w)


def test_edits(do: Folder, w: str) -> None:
    do("prune", w, "--negligible", "0.5", "--report", "report.json", "-o", "pruned.json")
    do("prune", w, "-c", name("CR"), "-o", "one.json")
    do("prune", w, "--modifier", "nothing", code=2)
    do("rename", w, "-s", name("bkg"), name("b"), "-o", "renamed.json")
    do("rename", w, "-s", "nothing", "x", code=2)
    do("sort", w, "-o", "sorted.json")
    do("digest", w)
    do("combine", w, w, code=2)
    do("combine", w, w, "--join", "outer", "-o", "both.json")


def test_translations(do: Folder, w: str) -> None:
    do("json2xml", w, "-d", "xml", "--losses", "losses.json", "--verify")
    do("json2xml", w, "-d", "strict", "--strict")
    do(
        "xml2json",
        "xml/FitConfig.xml",
        "--basedir",
        "xml",
        "-o",
        "back.json",
        "--losses",
        "back_losses.json",
        "--verify",
    )
    do("convert", w, "converted/a.xml")
    do("crosscheck", w, "--with-root", "--root-python", "/nowhere/python", code=2)


def test_fits(do: Folder, w: str) -> None:
    do("fit", w, "-o", "fit.json")
    do("fit", w, "--fix", "nothing=1", code=2)
    do("fit", w, "--measurement", "nothing", code=2)
    do("cls", w)
    do("limit", w, "-o", "limit.json")
    do("significance", w)
    do("scan", w, name("mu"), "--points", "4", "-o", "scan.json")
    do("scan", w, "nothing", code=2)
    do("impacts", w, "-o", "impacts.json", "--resume", "kept.jsonl")
    do("impacts", w, "--format", "table", "--group", f"{HOSTILE.replace('=', '')}=*")
    do("gof", w)
    do("yields", w, "-o", "yields.json")
    do("yields", w, "--format", "table", "--postfit")
    do("plot", "pulls", "fit.json", "-o", "pulls.svg")
    do("plot", "correlations", "fit.json", "-o", "correlations.svg")
    do("plot", "brazil", "limit.json", "-o", "brazil.svg")
    do("plot", "brazil", "limit.json", "--poi-name", WORDS, "--title", WORDS, "-o", "named.svg")
    do("plot", "scan", "scan.json", "-o", "scan.svg")
    do("plot", "impacts", "impacts.json", "-o", "impacts.svg")
    do("plot", "yields", "yields.json", "-o", "yields.svg")
    do("plot", "yields", "yields.json", "--x-name", WORDS, "--experiment", HOSTILE, "-o", "labelled.svg")
    do("cls", w, "--calctype", "toybased", "--toys", "5", "--resume", "toys.jsonl")
    do("toys", "result", "toys.jsonl")
    do("toys", "merge", "toys.jsonl", "-o", "merged.jsonl")
    do("plot", "toys", "toys.jsonl", "-o", "toys.svg")


@pytest.mark.parametrize("kind", ["text", "csv", "latex", "markdown"])
def test_tables_of_all_kinds(kind: str, do: Folder, w: str) -> None:
    """Each is read back by what it is for; a name neither ends a cell nor begins something else."""
    for command in (
        ("fit",),
        ("yields",),
        ("impacts",),
        ("gof",),
        ("limit", "--no-bands"),
        ("cls",),
        ("significance",),
    ):
        shown = do(*command, w, "--format", kind).out
        file = f"{command[0]}.{ {'text': 'txt', 'csv': 'csv', 'latex': 'tex', 'markdown': 'md'}[kind] }"
        do(*command, w, "--format", kind, "-o", file)
        assert Path(file).read_text() == shown
    do("scan", w, name("mu"), name("x"), "--points", "2", "--format", kind)
    do("systematics", w)
    do("doctor", w, "--format", kind)
    do("inspect", w, "--format", kind)


def test_pages_about_a_model(do: Folder, w: str) -> None:
    do("systematics", w, "-o", "systematics.html", "--json", "systematics.json")
    do("report", w, "-o", "report.html", "--json", "report.json")
    do("plot", "templates", w, "-o", "templates.svg")


def test_other_formats(do: Folder, w: str) -> None:
    for reader in ("root", "pyhs3", "standard"):
        do("json2hs3", w, f"{reader}.hs3.json", "--for", reader, "--verify")
        do("inspect", f"{reader}.hs3.json")
        do("hs32json", f"{reader}.hs3.json", f"{reader}.json", "--verify")


def test_comparisons(do: Folder, w: str) -> None:
    do("results", w, "-o", "r.json")
    reports = ("--html", "r.html", "--markdown", "r.md", "--json", "c.json")
    do("crosscheck", w, "r.json", *reports)
    reference = json.loads(Path("r.json").read_text())
    for point in reference["points"]:
        point["yields"] = {
            c: {s: [1.1 * x for x in bins] for s, bins in of.items()} for c, of in point["yields"].items()
        }
    for key in ("engine", "version", "command"):
        reference["provenance"][key] = name(key)
    reference["provenance"] |= {"notes": [name("")], "inputs": [{"path": name(""), "sha256": "0" * 64}]}
    reference["fit"]["status"] = reference["conventions"]["name"] = name("")
    wrong = do.put("wrong.json", reference)
    do("crosscheck", w, wrong, *(o.replace("r.", "wrong.").replace("c.", "cc.") for o in reports), code=1)
    cases = f"[cases.a]\ndescription = {json.dumps(name('')).replace('/', '')}\ninput = 'w.json'\n"
    cases += f"measurement = {json.dumps(name('m'))}\nreference = 'r.json'\n"
    do.put("cases.toml", cases)
    do("crosscheck", "--cases", "cases.toml", "--html", "pages", code=2)  # a line break in a name is no text of TOML's
    do.put("cases.toml", re.sub(r"description = .*\n", "", cases).replace(json.dumps(name("m")), '"m"'))
    do("crosscheck", "--cases", "cases.toml", "--html", "pages", code=1)


def test_signal_grids(do: Folder, w: str) -> None:
    bkg = do.put("bkg.json", background())
    Path("signals").mkdir()
    for m in (300, 400, 500):
        for n in (1, 2):
            do.put(f"signals/s_{m}_{n}.json", with_signal(3000.0 / m / n))
    signals = sorted(map(str, Path("signals").iterdir()))
    grid = ("--labels", "m1,m2", "--values-from", r"s_(?P<m1>\d+)_(?P<m2>\d+)", "--reference", "ins1234567")
    do("patchset", "create", bkg, *signals, *grid, "--description", name(""), "-o", "p.json")
    do("patchset", "inspect", "p.json")
    do("patchset", "verify", bkg, "p.json")
    do("patchset", "verify", w, "p.json", code=1)
    do("patchset", "extract", "p.json", "--name", name(""), code=2)
    do("patchset", "apply", bkg, "p.json", "--values", "300,1", "-o", "applied.json")
    do("patchset", "strip", w, "-s", name("sig"), "-o", "stripped.json")
    do("patchset", "scan", bkg, "p.json", "--csv", "scan.csv", "-o", "scan.json", "--resume", "kept.jsonl")
    do("patchset", "contour", "scan.json", "-o", "contour.svg", "--at", "m2=1")
    patches = json.loads(Path("p.json").read_text())
    for patch in patches["patches"]:
        patch["metadata"]["values"][1] = name(patch["metadata"]["name"])
    hostile = do.put("q.json", patches)
    do("patchset", "inspect", hostile)
    do("patchset", "scan", bkg, hostile, "--csv", "scan2.csv", "-o", "scan2.json")
    do(
        "hepdata",
        "bundle",
        "bundle",
        "--licence",
        "cc0",
        "--workspace",
        bkg,
        "--patchset",
        hostile,
        "--scan",
        "scan2.json",
        "--title",
        name(""),
    )
    do("hepdata", "check", "bundle", "--no-validator", "--html", "check.html", "-o", "check.json")
    found = {(e["check"], e["status"]) for e in json.loads(Path("check.json").read_text())["entries"]}
    assert ("readme", "passed") in found
    do("reproduce", "bundle", "-d", "reproduced", code=0)
    do("plot", "contour", "scan.json", "--at", "m2=1", "--lines", "lines.json", "-o", "lines.svg")
    do.put("curve.csv", "300,1\n400,1.2\n500,1.5\n")
    overlay = f"{name('').replace('=', '')}=curve.csv"
    do("plot", "contour", "scan.json", "--overlay", overlay, "-o", "both.svg")
    do("hepdata", "init", "--workspace", bkg, "--patchset", hostile, "-o", "submission.toml")
    do("hepdata", "export", "bundle", "tables", "--for", "csv")
    do("hepdata", "export", "bundle", "for-spey", "--for", "spey")
    do("hepdata", "export", "bundle", "for-smodels", "--for", "smodels", code=2)


def test_the_readme_of_a_bundle_is_recognised_and_checked(do: Folder) -> None:
    """With hostile names it still says what the models are; where it does not, that is found."""
    bkg = do.put("bkg.json", with_signal())
    do("hepdata", "bundle", "bundle", "--licence", "cc0", "--workspace", bkg)
    do("hepdata", "check", "bundle", "-o", "check.json", "--points", "0")
    entries = json.loads(Path("check.json").read_text())["entries"]
    assert [e["status"] for e in entries if e["check"] == "readme"] == ["passed"]
    assert not [e for e in entries if e["check"] == "hepdata-validator" and e["status"] != "passed"]


def test_errors_show_names_on_one_line(do: Folder) -> None:
    document = with_signal()
    document["channels"][0]["samples"][0]["data"].append(1.0)
    path = do.put("bad.json", document)
    found = do("inspect", path, code=2)
    assert found.err.count("\n") == 1
    hostile = Path(f"{HOSTILE.replace('/', '')}.json")
    hostile.write_text("{}")
    do._known.add(do.path / hostile)
    do("inspect", hostile, code=2)
    do("inspect", f"gone {hostile}", code=2)
    do(f"{HOSTILE}", code=2)
    do("inspect", path, f"--{HOSTILE}", code=2)


def test_what_is_missing_is_listed_in_lines_of_its_own(do: Folder, w: str) -> None:
    """One line for each thing, and none that a name makes."""
    do("json2xml", w, "-d", "xml")
    channel = next(Path("xml/config").iterdir())
    gone = iter(range(100))
    text = re.sub(
        r'HistoName="[^"]*"',
        lambda _: f'HistoName="&#10;hftranslate: verified&#155;2J{next(gone)}"',
        channel.read_text(),
    )
    do.put(str(channel), text)
    found = do("xml2json", "xml/FitConfig.xml", "-o", "back.json", code=2)
    title, *lines = found.err.splitlines()
    assert re.search("[0-9]+ things that it names are missing:$", title)
    assert len(lines) > 1
    assert all(line.startswith("  ") for line in lines)
    assert "no histogram" in lines[0]
    assert "hftranslate: verified" in lines[0]


def test_the_model_is_what_it_was(do: Folder, w: str) -> None:
    """Only what is shown is changed: documents keep the names."""
    do("sort", w, "-o", "sorted.json")
    assert {c.name for c in read("sorted.json").channels} == {c.name for c in from_document(with_signal()).channels}


#: Those that read no model of ours: fixed inputs, servers, and files that only ROOT writes.
ELSEWHERE = {"demo", "hepdata download", "contrib download", "root2json"}


def test_every_command_is_among_them() -> None:
    calls = [node for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Call)]
    tried = {"fit", "yields", "impacts", "gof", "limit", "cls", "significance"}
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "do":
            words = [str(a.value) for a in call.args[:2] if isinstance(a, ast.Constant)]
            tried |= {" ".join(words[:n]) for n in (1, 2)}
    assert set(ALL) - tried - {"patchset contour"} == ELSEWHERE
