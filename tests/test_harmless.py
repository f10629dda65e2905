"""Text from files is harmless where it is shown; a terminal's, HTML's, Markdown's and spreadsheets' own rules judge."""

import ast
import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hftranslate.display import csv_cell, csv_text, html, markdown, markdown_code, terminal, terminal_lines

#: Signs, words and letters that mean something to one of the four.
PIECES = (
    *"ab_*`[]()<>&|\\~$#@!:/.+-= \"'{}1",
    *("\n", "\t", "\r", "\0", "\x07", "\x1b[31m", "\x1b]0;t\x07", "\x7f", "\x85", "\x9b31m", "\u00a0", "\u200b"),
    *("\u202e", "\u2028", "\u2066", "\ufeff", "\ue000", "\ud800", "\u00b5", "\u4e2d", "\U0001f600"),
    *("http://", "www.", "x@y.zz", "&lt;", "<b>", "<script>", "![", "](", "``", "~~", "__", "**", "1. ", "--", "=1+1"),
)
NAMES = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
MARKDOWN = MarkdownIt("gfm-like")


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(NAMES)
def test_terminal(name: str) -> None:
    shown = terminal(name)
    assert shown.isprintable()
    assert shown == name or not name.isprintable()
    assert terminal(shown) == shown
    assert terminal_lines(name).split("\n") == [terminal(line) for line in name.split("\n")]


def test_what_is_not_seen_is_written_as_python_writes_it() -> None:
    name = "".join(map(chr, range(0x3000))).replace("\\", "").replace("'", "") + "\ud800\ufeff\ue000\U000e0001"
    assert ast.literal_eval(f"'{terminal(name)}'") == name


@given(NAMES)
def test_html(name: str) -> None:
    page = Page(f"<p title=\"{html(name)}\" id='{html(name)}'>{html(name)}</p>")
    assert page.tags == [("p", [("title", terminal(name)), ("id", terminal(name))])]
    assert page.text == terminal(name)


@pytest.mark.parametrize(
    ("place", "tags"),
    [
        ("x {} y", ["p"]),
        ("# {}", ["h1"]),
        ("- {}: z", ["ul", "li"]),
        ("| a |\n|---|\n| {} |", ["table", "thead", "tr", "th", "tbody", "tr", "td"]),
    ],
)
@given(name=NAMES)
@example(name=" 1. a")
@example(name="&amp;lt;")
@example(name="_a_ a_b_")
@example(name="    ")
@example(name="     - a")
def test_markdown(place: str, tags: list[str], name: str) -> None:
    """A renderer finds no markup in it, and shows it as it is."""
    for text in (markdown(name), markdown_code(name)):
        page = Page(MARKDOWN.render(place.format(text)))
        found = [tag for tag, _ in page.tags]
        assert found == tags or (text.startswith("`") and found == [*tags, "code"])
        assert terminal(name).strip() in page.text
        assert not re.search(r"<[a-z]", text)


def test_names_without_markup_stay_as_they_are_in_markdown() -> None:
    for name in ("gamma_stat_SR_bin_0", "W+jets", "tt-bar 13.6 TeV", "alpha_JES", "-1.5", "µ"):
        assert markdown(name) == name


@given(st.lists(st.one_of(NAMES, st.floats(allow_nan=False), st.integers(), st.none()), max_size=5))
def test_csv(row: list[str | float | None]) -> None:
    """No cell is a formula; numbers read back exactly; names lose nothing but what cannot be seen."""
    ((*cells,),) = csv.reader(io.StringIO(csv_text([row]))) or [[]] if row else [[]]
    for value, cell in zip(row, cells, strict=True):
        if isinstance(value, str):
            assert cell.removeprefix("'") == terminal(value).removeprefix("'")
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or float(cell) == float(value)
        elif value is not None:
            assert type(value)(cell) == value


@pytest.mark.parametrize(
    "name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", " =1", "-", "=\x1b[1m"]
)
def test_formulae(name: str) -> None:
    assert csv_cell(name) == "'" + terminal(name)


@pytest.mark.parametrize("name", ["-1", "+1.5e-3", "-.5", "a=b", "SR-1", ""])
def test_no_formulae(name: str) -> None:
    assert csv_cell(name) == name
    assert json.loads(json.dumps(csv_cell(name))) == name
