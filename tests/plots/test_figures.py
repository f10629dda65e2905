"""What all pictures share: styles, names, files, and that matplotlib is only imported when something is drawn."""

import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib
import pytest
from matplotlib import font_manager

from hftranslate import plots
from hftranslate.cli.options.pictures import _STYLES
from hftranslate.errors import InputError
from hftranslate.plots.figures import (
    in_style,
    literal,
    new_axes,
    picture,
    save,
    shortened,
    shortened_all,
    style_parameters,
    styled,
)
from tests.conftest import REPOSITORY


def drawn(style: str = "ROOT"):
    """A figure with a name that would be mathematics, and a symbol."""

    @in_style
    def draw(*, options: plots.PlotOptions):
        figure, axes = new_axes(3.0, 2.0)
        axes.plot([-1.0, 1.0], [0.0, 1.0])
        axes.set_xlabel(literal("cost $5 to $6") + r" $\hat\theta$ ± μ")
        return figure

    return draw(options=plots.PlotOptions(style=style))


@pytest.mark.parametrize("style", plots.STYLES)
def test_styles_draw_without_warnings(style: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = dict(matplotlib.rcParams)
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.save(drawn(style), tmp_path / "a.png")
    assert caplog.records == []
    assert dict(matplotlib.rcParams) == before


def test_styles_differ_and_unknown_ones_are_refused() -> None:
    assert style_parameters("ATLAS")["axes.prop_cycle"] != style_parameters("CMS")["axes.prop_cycle"]
    assert tuple(plots.STYLES) == _STYLES
    with pytest.raises(InputError, match="no style 'LEP' of pictures; there are ROOT, ATLAS"):
        drawn("LEP")


def test_without_the_fonts_of_the_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mplhep's fonts are not installed nothing is looked for and nothing is fetched."""
    monkeypatch.setattr(font_manager.fontManager, "get_font_names", lambda: ["DejaVu Sans"])
    found = style_parameters("CMS")
    assert found["font.sans-serif"] == ["DejaVu Sans"]
    assert found["mathtext.fontset"] == "dejavusans"


def test_names() -> None:
    assert shortened("short") == "short"
    assert shortened("a" * 30 + "b" * 30, 11) == "aaaaa…bbbbb"
    assert len(shortened("x" * 99, 20)) == 20
    assert shortened("$x$") == r"\$x\$"
    names = [f"stat_{'x' * 60}_{middle}_{'y' * 60}" for middle in ("one", "two")] + ["short"]
    short = shortened_all(names, 20)
    assert len(set(short)) == 3
    assert short[2] == "short"
    assert shortened_all(["same", "same"]) == ["same", "same"]


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_saving(ending: str, tmp_path: Path) -> None:
    """The same picture is the same file, whenever it is drawn."""
    for name in ("a", "b"):
        plots.save(drawn(), tmp_path / f"{name}.{ending}")
    first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("a", "b"))
    assert first == second
    assert len(first) > 1000


def test_the_last_digit_of_a_layout_changes_no_svg() -> None:
    """Layouts are solved with an error of the last digit, on which neither ids nor lengths may depend."""
    drawn = []
    for shift in (0.0, 1e-14):
        with styled():
            figure, axes = new_axes(4.0, 3.0)
            figure.set_layout_engine("none")
            axes.set_position((0.2 + shift, 0.2, 0.7, 0.7))
            axes.plot([0.0, 1.0], [1.0, 0.0], marker="o")
        drawn.append(picture(figure, "a.svg"))
    assert drawn[0] == drawn[1]
    ids = re.findall(rb'id="([^"]+)"', drawn[0])
    assert len(ids) == len(set(ids))
    assert {name.rstrip(b")") for name in re.findall(rb'url\(#([^"]+)"', drawn[0])} <= set(ids)


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.docx"):
        plots.save(drawn(), tmp_path / "a.docx")
    with pytest.raises(InputError, match="cannot be written"):
        plots.save(drawn(), tmp_path / "nowhere" / "a.png")
    with pytest.raises(InputError, match="cannot be written"):
        plots.save_pages([drawn(), drawn()], tmp_path / "nowhere" / "a.pdf")
    with pytest.raises(InputError, match="there is nothing to draw"):
        plots.save_pages([], tmp_path / "a.pdf")


def test_pages(tmp_path: Path) -> None:
    one = tmp_path / "one.png"
    assert plots.save_pages([drawn()], one) == [one]
    assert plots.save_pages([drawn(), drawn()], tmp_path / "two.png") == [
        tmp_path / "two.png",
        tmp_path / "two-2.png",
    ]
    assert not (tmp_path / "two-1.png").exists()
    pdf = tmp_path / "two.pdf"
    assert plots.save_pages([drawn(), drawn()], pdf) == [pdf]
    assert len(re.findall(rb"/Type /Page\b", pdf.read_bytes())) == 2


def test_matplotlib_is_imported_late() -> None:
    code = (
        "import sys, hftranslate, hftranslate.plots, hftranslate.crosscheck.compare; "
        "import hftranslate.crosscheck.results, hftranslate.crosscheck.report; "
        "print({'matplotlib', 'jsonschema'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_text_that_cannot_be_drawn_and_names_without_ending(tmp_path: Path) -> None:
    figure, axes = new_axes(3.0, 2.0)
    with pytest.raises(InputError, match=r"has no ending that says how to draw; expected \.png, \.pdf or \.svg"):
        save(figure, tmp_path / "picture")
    axes.set_title(r"$\nosuchsymbol$")
    with pytest.raises(InputError, match="Unknown symbol") as refused:
        save(figure, tmp_path / "a.png")
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_notebooks_show_figures_by_themselves():
    figure, _ = new_axes(3.0, 2.0)
    assert figure._repr_png_().startswith(b"\x89PNG")
