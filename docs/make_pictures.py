"""Make the pictures of these pages with the functions of the package: ``python docs/make_pictures.py [FOLDER]``."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hftranslate as hft
from hftranslate import plots
from hftranslate.inference.impacts import impacts
from hftranslate.inference.postfit import fitted_yields
from hftranslate.inference.profiles import profile_scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "validation" / "cases" / "demo" / "demo.xml"
CODES = ("code0", "code1", "code2", "code4", "code4p")


def interpolation_codes() -> Iterator[tuple[str, "Figure"]]:
    """One picture of each code, and one of all together."""
    for code in CODES:
        yield f"interpolation_{code}.svg", plots.interpolation([code])
    yield "interpolation_all.svg", plots.interpolation(CODES)


def diagnostics() -> Iterator[tuple[str, "Figure"]]:
    """What the commands on fits draw of the demonstration model."""
    model, data = hft.compile_model(hft.read(DEMO))
    best = hft.fit(model, data)
    yield "demo_brazil.png", plots.brazil(hft.upper_limit(model, data).to_dict())
    yield "demo_impacts.png", plots.impacts(impacts(model, data).to_dict(), top=12)
    two = profile_scan(model, data, ["mu", "mu_ttbar"])
    yield "demo_contours.png", plots.scan(two.to_dict())
    after = fitted_yields(model, best).to_dict()
    yield "demo_yields.png", plots.yields(after)


def python_of(page: Path) -> str:
    """The Python code of a page."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))


def floating_signal() -> Iterator[tuple[str, "Figure"]]:
    """What the code of the page on the floating signal finds, up to where it writes files."""
    namespace: dict[str, Any] = {"print": lambda *_: None}
    code = python_of(HERE / "howto-floating-signal.md").partition("hft.plots.save(")[0]
    exec(code, namespace)
    yield "floating_signal.png", plots.yields([namespace["before"], namespace["after"]], x_name="mass [GeV]")


def main(folder: Path) -> None:
    """Write all pictures to a folder; coordinates of vectors are rounded to a hundredth of a point."""
    for name, figure in (*interpolation_codes(), *diagnostics(), *floating_signal()):
        path = folder / name
        plots.save(figure, path)
        if path.suffix == ".svg":
            text = path.read_text(encoding="utf-8")
            path.write_text(re.sub(r"(\d\.\d\d)\d+", r"\1", text), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "images")
