"""Every public name of the package and of its rooms: what users may import, pinned.

A name that goes or comes is a decision; it is written down here, in the stub of the room and in the CHANGELOG.
"""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import hftranslate
from tests.public_names import PUBLIC

ROOMS = [pytest.param(room, id=room or "hftranslate") for room in PUBLIC]


def opened(room: str) -> object:
    return importlib.import_module(f"hftranslate.{room}".rstrip("."))


@pytest.mark.parametrize("room", ROOMS)
def test_the_public_names_are_these(room: str) -> None:
    assert sorted(opened(room).__all__) == sorted(PUBLIC[room].split())


@pytest.mark.parametrize("room", ROOMS)
def test_all_of_them_can_be_had(room: str) -> None:
    face = opened(room)
    assert set(face.__all__) <= set(dir(face))
    for name in face.__all__:
        assert getattr(face, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_to_use_when(room: str) -> None:
    assert len(opened(room).__doc__.split()) > 10


def test_every_room_is_listed() -> None:
    folder = Path(hftranslate.__file__).parent
    rooms = {".".join(p.parent.relative_to(folder).parts) for p in folder.rglob("__init__.py")}
    assert rooms == set(PUBLIC)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match=r"module .hftranslate\.inference. has no attribute 'fti'"):
        _ = importlib.import_module("hftranslate.inference").fti


@pytest.mark.parametrize(
    "statements",
    [
        "import hftranslate.crosscheck.results, hftranslate.inference.fit, hftranslate.doctor.report",
        "from hftranslate.inference.fit import FitResult; from hftranslate.doctor import diagnose",
        "import hftranslate.cli",
    ],
)
def test_a_verb_stays_a_verb_whatever_was_imported(statements: str) -> None:
    """Python binds an imported module to its package, over the function of its name."""
    code = f"{statements}\nimport hftranslate as h\nfrom hftranslate.inference import fit\n"
    code += "print(all(map(callable, (h.crosscheck, h.doctor, h.results, h.fit, h.inference.fit, fit))))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"
