"""The page of systematics: self-contained, whole on every screen, and with everything in it."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftranslate.doctor.systematics import systematics
from hftranslate.errors import FormatError
from hftranslate.plots.thumbnails import HEIGHT, WIDTH, area, steps, thumbnail
from hftranslate.report import systematics_page
from tests.cli.conftest import Runner, run  # noqa: F401 - a fixture
from tests.conftest import REPOSITORY
from tests.doctor.test_systematics import SLOPE, ZIGZAG, model, shape
from tests.report.browser import BROWSER, seen_in_browser

DEMO = REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"
LONG = "a_systematic_with_a_name_that_is_as_long_as_those_of_experiments_are_" * 2


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    ws = model(shape("zigzag", -ZIGZAG, ZIGZAG), shape("same", 0.1 + SLOPE, 0.12 + SLOPE), shape(LONG, -SLOPE, SLOPE))
    return systematics(ws).to_dict()


def test_the_page_holds_every_variation_and_needs_nothing_from_elsewhere(document: dict[str, Any]) -> None:
    page = systematics_page(document, "a & b")
    assert "Systematics of <span>a &amp; b</span>" in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in page
    assert page.count('<svg class="small"') == len(document["variations"]) == 5
    anchors = set(re.findall(r'href="#(\w+)"', page))
    assert anchors == {"list", "pruning", "pictures", "s1", "s2", "s3", "s4"}
    assert all(f'id="{anchor}"' in page for anchor in anchors)
    for word in ("noisy", "same side"):
        assert f'<input type="checkbox" value="{word}">' in page
        assert f'data-flags="{word}"' in page
    assert "bin 0: 95 | 100 | 105&#10;bin 1: 105 | 100 | 95" in page  # to read where the pointer stays


def test_names_are_text_whatever_they_are() -> None:
    page = systematics_page(systematics(model(shape("<i>&\"'\x1b[31m", -SLOPE, SLOPE))))
    assert "<i>" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("variations"),
        lambda d: d["variations"][0].pop("flags"),
        lambda d: d["variations"][0].update(up=[1.0]),
        lambda d: d.update(pruning=3),
        lambda d: d["variations"][0].update(effect="x"),
    ],
)
def test_what_is_no_document_is_said(document: dict[str, Any], damage: Any) -> None:
    broken = json.loads(json.dumps(document))
    damage(broken)
    with pytest.raises(FormatError, match="no systematics as 'hftranslate systematics' writes them"):
        systematics_page(broken)


def test_lines_of_small_pictures() -> None:
    edges = np.array([0.0, 1.0, 2.0, 4.0])
    assert steps(edges, np.array([3.0, 1.0, 2.0])) == "M0.0 3.0H1.0V1.0H2.0V2.0H4.0"
    assert steps(edges, np.array([3.0, np.nan, 2.0])) == "M0.0 3.0H1.0M2.0 2.0H4.0"
    assert area(edges, np.array([3.0, np.nan, 2.0]), np.ones(3)) == "M0.0 3.0H1.0V1.0H0.0ZM2.0 2.0H4.0V1.0H2.0Z"


@pytest.mark.parametrize("nominal", [[10.0, 20.0], [0.0, 20.0], [0.0, 0.0], [-5.0, 20.0]])
@pytest.mark.parametrize("statistics", [None, [1.0, 2.0]])
def test_small_pictures_stay_in_their_frame(nominal: list[float], statistics: Any) -> None:
    found = thumbnail(
        {"nominal": nominal, "down": [9.0, 21.0], "up": [90.0, 1.0], "statistics": statistics, "edges": None}
    )
    for name, d in found.items():
        if name not in ("middle", "reach"):
            for command, numbers in re.findall(r"([MHV])([\d. -]+)", d):
                values = list(map(float, numbers.split()))
                x = values[:1] if command in "MH" else []
                assert all(0.0 <= value <= WIDTH for value in x)
                assert all(0.0 <= value <= HEIGHT for value in values[len(x) :])
    if nominal == [10.0, 20.0]:
        assert found["reach"] == pytest.approx(8.0)


def test_the_command(run: Runner, tmp_path: Path) -> None:  # noqa: F811
    table = run("systematics", DEMO)
    assert table.code == 0
    assert "largest effect" in table.out
    page, kept = tmp_path / "page.html", tmp_path / "kept.json"
    ended = run("systematics", DEMO, "-o", page, "--json", kept, "--threshold", "0.02")
    assert ended.code == 0
    assert "below 0.02" in ended.err
    assert page.read_text(encoding="utf-8") == systematics_page(json.loads(kept.read_text()), "demo.xml")
    assert run("systematics", DEMO, "--threshold", "2").code == 2
    drawn = tmp_path / "a.png"
    ended = run("plot", "templates", DEMO, "--channel", "SR", "--systematic", "J*", "-o", drawn, "--lumi", "139")
    assert ended.code == 0
    assert drawn.read_bytes()[:4] == b"\x89PNG"
    wrong = run("plot", "templates", DEMO, "--systematic", "none", "-o", tmp_path / "b.png")
    assert wrong.code == 2
    assert "no systematic fits" in wrong.err


def test_the_page_needs_no_matplotlib() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; import hftranslate as hft;"
        "from hftranslate.doctor import systematics; from hftranslate.report import systematics_page;"
        f"print(len(systematics_page(systematics(hft.read({str(DEMO)!r})))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10_000


WRAPPER = """<!DOCTYPE html><title>asks</title><pre id="says"></pre><script>
const says = {};
async function look(width) {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 900px; border: 0`;
  frame.src = "page.html";
  await new Promise(done => { frame.onload = done; document.body.append(frame); });
  const page = frame.contentDocument, right = e => e.getBoundingClientRect().right;
  for (const d of page.querySelectorAll("details")) d.open = true;
  const whole = [...page.querySelectorAll("svg, h1, h2, p, nav, table, .variation, th, td")];
  const cut = whole.filter(e => right(e) > width + 1);
  const shown = () => [...page.querySelectorAll(".variation")].filter(e => !e.hidden).length;
  const all = shown(), box = page.querySelector("#flags input[value=noisy]");
  box.click();
  const noisy = shown();
  box.click();
  page.getElementById("words").value = "signal";
  page.getElementById("words").dispatchEvent(new Event("input"));
  const table = page.querySelector("#list table");
  const column = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[3].dataset.v));
  table.tHead.rows[0].cells[3].click();
  says[width] = {overflow: page.documentElement.scrollWidth - width, cut: cut.length, all, noisy, signal: shown(),
    count: page.getElementById("count").textContent, up: column()};
}
(async () => { for (const w of [1920, 1280, 390]) await look(w);
  document.getElementById("says").textContent = JSON.stringify(says); })();
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
def test_a_browser_shows_all_of_it(document: dict[str, Any], tmp_path: Path) -> None:
    says = seen_in_browser({"page.html": systematics_page(document), "asks.html": WRAPPER}, tmp_path)
    for seen in says.values():
        assert seen["overflow"] <= 0
        assert seen["cut"] == 0
        assert (seen["all"], seen["noisy"], seen["signal"]) == (5, 1, 1)
        assert seen["count"] == "1 shown"
        assert seen["up"] == sorted(seen["up"])
