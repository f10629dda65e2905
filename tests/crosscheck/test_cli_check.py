"""The commands results, crosscheck and plot."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hftranslate.cli import cli
from tests.conftest import REPOSITORY

CASES = REPOSITORY / "validation" / "cases"
XML = CASES / "staterror_poisson" / "model.xml"
REFERENCE = REPOSITORY / "reference_outputs" / "staterror_poisson.json"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_crosscheck_passes(tmp_path: Path) -> None:
    found = run("crosscheck", XML, REFERENCE, "--html", tmp_path / "r.html", "--json", tmp_path / "r.json")
    assert found.exit_code == 0, found.output
    assert "Crosscheck of measurement 'measurement': PASSED" in found.output
    assert "ours under pyhf conventions" in found.output
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["passed"] is True
    assert report["provenance"]["ours"]["inputs"][0]["path"] == str(XML)
    assert report["beside"]["conventions"] == "pyhf"


def test_crosscheck_fails_with_exit_code_1(tmp_path: Path) -> None:
    document = json.loads(REFERENCE.read_text())
    document["points"][0]["yields"]["SR"]["signal"][0] += 1.0
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document))
    found = run("crosscheck", XML, path)
    assert found.exit_code == 1
    assert "yields at point 'nominal', channel SR, sample signal, bin 0" in found.output


def test_crosscheck_after_translation(tmp_path: Path) -> None:
    """JSON with its sidecar is evaluated as ROOT does, because the reference is ROOT's."""
    assert run("xml2json", CASES / "shapesys_gaussian" / "model.xml", "-o", tmp_path / "w.json").exit_code == 0
    reference = REPOSITORY / "reference_outputs" / "shapesys_gaussian.json"
    found = run("crosscheck", tmp_path / "w.json", reference)
    assert found.exit_code == 0, found.output
    found = run("crosscheck", tmp_path / "w.json", reference, "--conventions", "pyhf")
    assert found.exit_code == 1
    assert "Note: the two documents follow different conventions" in found.output


def test_results_and_their_crosscheck(tmp_path: Path) -> None:
    like = tmp_path / "like.json"
    assert run("results", XML, "--like", REFERENCE, "-o", like).exit_code == 0
    assert json.loads(like.read_text())["provenance"]["engine"] == "hftranslate"
    assert run("crosscheck", like, REFERENCE).exit_code == 0
    own = run("results", XML, "--conventions", "pyhf")
    assert own.exit_code == 0
    assert json.loads(own.stdout)["conventions"]["name"] == "pyhf"


def test_all_cases(tmp_path: Path) -> None:
    absent = tmp_path / "cases.toml"
    path = f"[cases.%s]\ninput = '{XML}'\nmeasurement = 'measurement'\nreference = '{REFERENCE}'\n"
    absent.write_text(path % "here" + path.replace("model.xml", "gone.xml") % "gone" + "shared = true\n")
    found = run("crosscheck", "--cases", absent, "--json", tmp_path / "all.json")
    assert found.exit_code == 0
    assert re.search(r"^passed     here: \d{3} numbers", found.output, re.MULTILINE)
    assert "skipped    gone: " in found.output
    assert json.loads((tmp_path / "all.json").read_text())["here"]["passed"] is True
    other = REPOSITORY / "reference_outputs" / "staterror_gaussian.json"
    absent.write_text((path % "lost").replace(str(REFERENCE), "lost.json"))
    found = run("crosscheck", "--cases", absent)
    assert found.exit_code == 1
    assert "FAILED     lost: error: " in found.output
    absent.write_text((path % "wrong").replace(str(REFERENCE), str(other)))
    found = run("crosscheck", "--cases", absent)
    assert found.exit_code == 1
    assert "FAILED     wrong" in found.output


def test_pages_of_all_cases(tmp_path: Path) -> None:
    """An index with a link to the report of each case, and nothing fetched from elsewhere."""
    cases = tmp_path / "cases.toml"
    path = f"[cases.%s]\ninput = '{XML}'\nmeasurement = 'measurement'\nreference = '{REFERENCE}'\n"
    cases.write_text(path % "here" + path.replace("model.xml", "gone.xml") % "gone" + "shared = true\n")
    found = run("crosscheck", "--cases", cases, "--html", tmp_path / "pages")
    assert found.exit_code == 0, found.output
    assert {p.name for p in (tmp_path / "pages").iterdir()} == {"index.html", "here.html"}
    index = (tmp_path / "pages" / "index.html").read_text()
    assert '<a href="here.html">' in index
    assert "1 passed, 1 skipped" in index
    assert "http" not in index


def test_markdown_and_causes(tmp_path: Path) -> None:
    """A failing rung is explained in every form of the report."""
    other = CASES / "staterror_gaussian" / "model.xml"
    found = run("crosscheck", other, REFERENCE, "--markdown", tmp_path / "r.md", "--html", tmp_path / "r.html")
    assert found.exit_code == 1
    causes = "stat threshold", "constraint type"
    for text in (found.output, (tmp_path / "r.md").read_text(), (tmp_path / "r.html").read_text()):
        assert all(cause in text for cause in causes)


@pytest.mark.parametrize(
    "arguments",
    [
        ("crosscheck",),
        ("crosscheck", "a"),
        ("crosscheck", "a", "--cases", "b"),
        ("crosscheck", "a", "b", "--with-root"),
        ("crosscheck", "-", "--with-root"),
        ("crosscheck", "--cases", "b", "--markdown", "c"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_plots(tmp_path: Path) -> None:
    assert run("limit", XML, "-o", tmp_path / "limit.json").exit_code == 0
    assert run("fit", XML, "-o", tmp_path / "fit.json").exit_code == 0
    for kind, source, ending in (("brazil", "limit", "png"), ("brazil", "limit", "svg"), ("pulls", "fit", "pdf")):
        picture = tmp_path / f"{kind}.{ending}"
        found = run("plot", kind, tmp_path / f"{source}.json", "-o", picture)
        assert found.exit_code == 0, found.output
        assert picture.stat().st_size > 1000
    (tmp_path / "list.json").write_text("[1]")
    assert "expected a JSON object" in str(run("plot", "pulls", tmp_path / "list.json", "-o", "x.png").exception)
