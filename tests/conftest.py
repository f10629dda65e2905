"""Fixtures shared by all tests."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.warm_root import warm_python

# Ten thousand tests and all that they keep are millions of objects: looking through them for garbage as often as in a
# small program takes a quarter of the time.
gc.set_threshold(20_000, 50, 100)

# Where a verdict on a change is given, generated examples are the same every time; elsewhere each run takes new ones.
# How long an example takes says more about the machine than about the code.
_UNHEALTHY = (HealthCheck.too_slow, HealthCheck.filter_too_much)  # a matter of the machine, and of chance
settings.register_profile("any-time", deadline=None, suppress_health_check=_UNHEALTHY)
settings.load_profile("any-time")
settings.register_profile("same-examples", deadline=None, derandomize=True, suppress_health_check=_UNHEALTHY)
if os.environ.get("CI"):
    settings.load_profile("same-examples")

REPOSITORY = Path(__file__).resolve().parents[1]
_SHARED = REPOSITORY.parent / "shared" / "data"


def shared_folder() -> Path:
    """Published models and ROOT-written inputs that lie beside the repository, not in it.

    The only way to them: a test that asks where they are absent is skipped. What is parametrised over them asks
    :func:`shared_files`, which has none there.
    """
    if not _SHARED.is_dir():
        pytest.skip("the shared data folder is not beside the repository")
    return _SHARED


def shared_files(pattern: str) -> list[str]:
    """Names, below :func:`shared_folder`, of the shared files that fit a glob pattern; none where they are absent."""
    return sorted(str(p.relative_to(_SHARED)) for p in _SHARED.glob(pattern) if p.is_file())


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of :func:`shared_folder`."""
    return shared_folder()


@pytest.fixture(autouse=True)
def _pyhf_as_it_begins() -> Iterator[None]:
    """Leave pyhf with the optimizer that it begins with: it has one for all, and its command line changes it, too."""
    yield
    pyhf = sys.modules.get("pyhf")
    if pyhf is not None and pyhf.optimizer.name != "scipy":
        pyhf.set_backend("numpy", "scipy", precision="64b")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def root_python() -> str:
    """A Python that can import ROOT, to be run in a process of its own, where its warnings stay.

    Set ``ROOT_PYTHON`` if that is another one than runs the tests.
    """
    python = os.environ.get("ROOT_PYTHON") or sys.executable
    if subprocess.run([python, "-c", "import ROOT"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"{python} cannot import ROOT (pip install 'hftranslate[root]', or set ROOT_PYTHON)")
    return python


@pytest.fixture(scope="session")
def warm_root(root_python: str) -> Iterator[str]:
    """A program to be run like that Python, which has no start to pay for: where starting ROOT is not the subject."""
    with warm_python(root_python) as program:
        yield program


@pytest.fixture
def calls_of() -> Callable[[Callable[[], object]], int]:
    """How many calls of functions a piece of work takes: its size, whatever else the machine is doing."""

    def counted(work: Callable[[], object]) -> int:
        calls = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            work()
        finally:
            sys.setprofile(before)
        return calls

    return counted
