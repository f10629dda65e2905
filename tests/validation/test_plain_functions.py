"""Scripts that drive ROOT hand it plain arithmetic only, also where they are run by hand."""

import sys
from collections.abc import Iterator

import pytest

from tests.conftest import REPOSITORY
from tests.crosscheck.test_admission import FUNCTIONS
from tests.validation.test_terms_in_root import EXPRESSIONS


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(REPOSITORY / "validation" / "make_reference"))
    yield
    sys.modules.pop("plain", None)


@pytest.mark.parametrize("text", [*EXPRESSIONS, "mu > 1 ? TMath::Erf(mu) : nu", "(mu>=1 && nu<2)*mu"])
def test_arithmetic_passes(text: str) -> None:
    from plain import plain_function

    three = ("f", text, "mu[1,0,10], nu[-1e3,2.5],x")
    assert plain_function(*three) == three


@pytest.mark.parametrize("which", [w for w in FUNCTIONS if w not in ("a line", "other digits")])
def test_everything_else_is_refused(which: str) -> None:
    from plain import NotPlain, plain_function

    with pytest.raises(NotPlain, match="is more than arithmetic of parameters"):
        plain_function("f", *FUNCTIONS[which])
    with pytest.raises(NotPlain):
        plain_function("f;system(0)", "y", "y[1]")
