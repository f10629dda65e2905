"""Scripts that drive ROOT hand it plain arithmetic only, also where they are run by hand."""

import random
import sys
from collections.abc import Iterator

import pytest

from hftranslate.errors import Unsupported
from hftranslate.workspace.constants import CONSTANT_FUNCTIONS
from hftranslate.workspace.expressions import parse_expression
from hftranslate.workspace.formula_functions import FUNCTIONS as OURS
from tests.conftest import REPOSITORY
from tests.crosscheck.test_admission import FUNCTIONS
from tests.formulas import NAMES, formula


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(REPOSITORY / "validation" / "make_reference"))
    yield
    sys.modules.pop("plain", None)


@pytest.mark.parametrize(
    "text", ["2^3/3*mu", "2**-mu", "@0*@1 - 1e-3*mu", "mu > 1 ? TMath::Erf(mu) : nu", "(mu>=1 && nu<2)*mu", "x[0]%3"]
)
def test_arithmetic_passes(text: str) -> None:
    from plain import plain_function

    three = ("f", text, "mu[1,0,10], nu[-1e3,2.5],x")
    assert plain_function(*three) == three


@pytest.mark.parametrize("name", [*OURS, *CONSTANT_FUNCTIONS])
def test_every_function_of_ours_may_be_called(name: str) -> None:
    from plain import plain_function

    assert plain_function("f", f"{name}(mu)", "mu")


def test_what_we_read_passes() -> None:
    """Formulas at random: the scripts take all that our own parser, which judges before them, lets through."""
    from plain import plain_function

    r, read = random.Random(5), 0
    for _ in range(2000):
        names = r.choice(NAMES)
        text = formula(r, names, 3)
        try:
            parse_expression(text, list(names))
        except Unsupported:
            continue
        read += 1
        assert plain_function("f", text, ",".join(names))
    assert read > 500


@pytest.mark.parametrize("which", [w for w in FUNCTIONS if w not in ("a line", "other digits")])
def test_everything_else_is_refused(which: str) -> None:
    from plain import NotPlain, plain_function

    with pytest.raises(NotPlain, match="is more than arithmetic of parameters"):
        plain_function("f", *FUNCTIONS[which])
    with pytest.raises(NotPlain):
        plain_function("f;system(0)", "y", "y[1]")
