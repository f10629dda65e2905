"""The report of a model: complete, self-contained, made again from what was kept, and readable in a browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hftranslate as hft
from hftranslate.errors import FormatError
from hftranslate.report import Subject, report, report_page
from tests.cli.conftest import Runner, run  # noqa: F401 - a fixture
from tests.conftest import REPOSITORY
from tests.report.browser import BROWSER, seen_in_browser

DEMO = REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"
ROOT_SAYS = REPOSITORY / "reference_outputs" / "demo.json"
PARTS = {"fit", "prefit", "postfit", "impacts", "scan", "limit", "gof"}


@pytest.fixture(scope="module")
def of_demo() -> dict[str, Any]:
    return report(Subject(workspace=hft.read(DEMO), inputs=(DEMO,), reference=hft.read_results(ROOT_SAYS)))


@pytest.fixture(scope="module")
def page_of_demo(of_demo: dict[str, Any]) -> str:
    return report_page(of_demo)


@pytest.fixture
def undrawn(of_demo: dict[str, Any]) -> dict[str, Any]:
    """The report without what pictures are made of, which takes most of the time of a page; all tables are there."""
    document: dict[str, Any] = json.loads(json.dumps({k: v for k, v in of_demo.items() if k not in PARTS}))
    return document


def test_it_holds_what_the_commands_say(of_demo: dict[str, Any]) -> None:
    workspace = hft.read(DEMO)
    model, data = hft.compile_model(workspace)
    assert of_demo["missing"] == {}
    assert of_demo.keys() >= PARTS
    assert of_demo["limit"] == hft.upper_limit(model, data).to_dict()
    assert of_demo["fit"] == hft.fit(model, data).to_dict()
    assert of_demo["crosscheck"]["passed"]
    assert of_demo["provenance"]["inputs"] == [
        {"path": str(DEMO), "sha256": hashlib.sha256(DEMO.read_bytes()).hexdigest()}
    ]
    json.dumps(of_demo, allow_nan=False)


def test_the_page_needs_nothing_from_elsewhere(page_of_demo: str) -> None:
    page = page_of_demo
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    anchors = set(re.findall(r'href="#(\w+)"', page))
    assert len(anchors) == 9
    assert all(f'id="{anchor}"' in page for anchor in anchors)
    assert page.count("<svg") >= 6


def test_numbers_can_be_read_whole(of_demo: dict[str, Any], page_of_demo: str) -> None:
    observed = of_demo["limit"]["observed"]
    assert f'title="{observed}"' in page_of_demo


@pytest.mark.parametrize("more", [(DEMO,), ("--reference", DEMO), ("--patch", DEMO)])
def test_what_was_kept_stands_alone(run: Runner, tmp_path: Path, more: tuple[str, ...]) -> None:  # noqa: F811
    """A model beside --redo would be left unread."""
    ended = run("report", "--redo", DEMO, *more, "-o", tmp_path / "page.html")
    assert ended.code == 2
    assert "--redo" in ended.err
    assert not list(tmp_path.iterdir())


def test_what_is_held_confined_and_taken_as_data_is_done_and_said(run: Runner, tmp_path: Path) -> None:  # noqa: F811
    """What the message about impacts at a bound advises can be done; and what was kept makes the same page."""
    options = ("--asimov", "1", "--bounds", "mu=-5:5", "--fix", "JES=0.5")
    kept = tmp_path / "kept.json"
    done = run("report", DEMO, *options, "--json", kept, "-o", tmp_path / "page.html")
    assert done.code == 0, done.err
    assert re.search(r"fit converged: mu = .*; mu < .* \(in .*page\.html\)\n$", done.err)
    document, page = json.loads(kept.read_text()), (tmp_path / "page.html").read_text()
    assert document["fit"] == json.loads(run("fit", DEMO, *options).out)
    assert document["impacts"] == json.loads(run("impacts", DEMO, *options).out)
    assert "Asimov data of mu = 1" in page
    assert "<code>mu</code> from -5 to 5" in page
    assert "<code>JES</code> = 0.5" in page
    assert "Against" not in page.partition("<nav>")[2]
    again = tmp_path / "again.html"
    assert run("report", "--redo", kept, "-o", again).code == 0
    assert again.read_bytes() == (tmp_path / "page.html").read_bytes()
    assert run("report", "--redo", kept, "--asimov", "1").code == 2


@pytest.mark.root
def test_the_root_that_is_here_is_asked(
    run: Runner,  # noqa: F811
    tmp_path: Path,
    warm_root: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROOT_PYTHON", warm_root)
    kept = tmp_path / "kept.json"
    done = run("report", DEMO, "--with-root", "--json", kept, "-o", tmp_path / "page.html")
    assert done.code == 0, done.err
    found = json.loads(kept.read_text())["crosscheck"]
    assert (found["passed"], found["provenance"]["reference"]["engine"]) == (True, "ROOT")
    assert "Against ROOT 6." in (tmp_path / "page.html").read_text()


def test_columns_without_content_take_no_place(undrawn: dict[str, Any]) -> None:
    (fit,) = undrawn["tables"]["fit"]
    assert fit["columns"][-1] == "remark"
    for remark, shown in (("", False), (None, False), ("constant", True)):
        rows = [[*row[:3], remark] for row in fit["rows"]]
        page = report_page({**undrawn, "tables": {**undrawn["tables"], "fit": [{**fit, "rows": rows}]}})
        assert (">remark</th>" in page) == shown


def test_without_a_parameter_of_interest_the_page_says_what_is_not_there() -> None:
    blank = hft.simplemodels.uncorrelated_background([5.0], [50.0], [3.0], [51])
    (measurement,) = blank.measurements
    found = report(Subject(workspace=replace(blank, measurements=(replace(measurement, pois=()),))))
    assert set(found["missing"]) == {"limit", "impacts", "scan"}
    assert found["poi"] is None
    page = report_page(found)
    assert page.count("Not computed: the measurement names no parameter of interest") == 3
    assert "1 channel with 1 bin, 2 samples, 2 parameters" in page


def test_parts_that_cannot_be_computed_are_named_and_the_others_stand() -> None:
    blank = hft.simplemodels.uncorrelated_background([5.0, 4.0], [50.0, 52.0], [3.0, 7.0], [51, 48])
    (measurement,) = blank.measurements
    constant = replace(measurement, parameters=(hft.ParameterConfig(name="mu", inits=(1.0,), fixed=True),))
    found = report(Subject(workspace=replace(blank, measurements=(constant,))))
    assert set(found["missing"]) == {"limit", "impacts", "scan"}
    page = report_page(found)
    assert page.count("Not computed: ") == 3
    assert "constant" in page


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("schema"),
        lambda d: d.pop("summary"),
        lambda d: d["summary"].pop("channels"),
        lambda d: d["tables"].update(fit=3),
        lambda d: d.update(limit={"observed": "x"}),
        lambda d: d.update(provenance=[]),
    ],
)
def test_what_is_no_report_is_said(undrawn: dict[str, Any], damage: Any) -> None:
    damage(undrawn)
    with pytest.raises(FormatError, match=r"kept\.json"):
        report_page(undrawn, "kept.json")


WRAPPER = """<!DOCTYPE html><title>asks</title><pre id="says"></pre><script>
const says = {};
async function look(width) {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 900px; border: 0`;
  frame.src = "report.html";
  await new Promise(done => { frame.onload = done; document.body.append(frame); });
  const page = frame.contentDocument, table = page.querySelector("#fit table.sorts");
  const right = e => e.getBoundingClientRect().right;
  const cut = [...page.querySelectorAll("svg, h1, h2, p, nav")].filter(e => right(e) > width + 1);
  const column = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[1].textContent));
  table.tHead.rows[0].cells[1].click();
  const up = column();
  table.tHead.rows[0].cells[1].click();
  frame.contentWindow.dispatchEvent(new Event("beforeprint"));
  const closed = page.querySelectorAll("details:not([open])").length;
  says[width] = {overflow: page.documentElement.scrollWidth - width, cut: cut.length, up, down: column(), closed};
}
(async () => { for (const w of [1920, 1280, 390]) await look(w);
  document.getElementById("says").textContent = JSON.stringify(says); })();
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
def test_a_browser_shows_all_of_it(page_of_demo: str, tmp_path: Path) -> None:
    says = seen_in_browser({"report.html": page_of_demo, "asks.html": WRAPPER}, tmp_path)
    for seen in says.values():
        assert seen["overflow"] <= 0
        assert seen["cut"] == 0
        assert seen["closed"] == 0
        assert seen["up"] == sorted(seen["up"])
        assert seen["down"] == seen["up"][::-1]
