"""Fixtures shared by all tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Where a verdict on a change is given, generated examples are the same every time; elsewhere each run takes new ones.
# How long an example takes says more about the machine than about the code.
settings.register_profile("any-time", deadline=None)
settings.load_profile("any-time")
settings.register_profile("same-examples", deadline=None, derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("same-examples")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Published models and ROOT-written inputs that lie beside the repository, not in it."""
    if not SHARED.is_dir():
        pytest.skip("the shared data folder is not beside the repository")
    return SHARED


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
