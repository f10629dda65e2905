"""Results kept while a task runs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from hftranslate.batch.journal import Journal
from hftranslate.errors import FormatError, InputError
from tests.mutations import damaged

TASK = {"what": "toys", "seed": 1, "chunks": [1, 2]}


def test_is_taken_up_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    first = Journal.open(path, TASK)
    first.keep("a", [1.0, 2.0])
    first.keep("b", {"x": None})
    second = Journal.open(path, TASK)
    assert second.results == {"a": [1.0, 2.0], "b": {"x": None}}
    second.keep("c", 3)
    assert Journal.read(path).results == {"a": [1.0, 2.0], "b": {"x": None}, "c": 3}


def test_a_line_that_was_cut_off_was_never_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    Journal.open(path, TASK).keep("a", 1)
    whole = path.read_bytes()
    for extra in (b"{", b'{"key": "b", "result": 2}'):
        path.write_bytes(whole + extra)
        journal = Journal.open(path, TASK)
        assert journal.results == {"a": 1}
        journal.keep("b", 4)
        assert Journal.read(path).results == {"a": 1, "b": 4}


def test_refuses_the_results_of_another_task(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    Journal.open(path, TASK)
    with pytest.raises(InputError, match=r"another task: \{'seed': 1\}, where this one has \{'seed': 2\}"):
        Journal.open(path, TASK | {"seed": 2})
    with pytest.raises(InputError, match="no folder"):
        Journal.open(tmp_path / "nowhere" / "kept.jsonl", TASK)


@pytest.mark.parametrize("content", ["no JSON\n", "[1]\n", '{"task": 1}\n', '{"task": {}}\n{"key": 1}\n', "\n\n"])
def test_refuses_what_is_no_journal(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text(content)
    with pytest.raises(FormatError, match="no file of kept results"):
        Journal.open(path, {})


def test_content_as_text(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text(Journal.text(TASK, {"a": [1.0, None], "b": 2}))
    journal = Journal.open(path, TASK)
    assert journal.results == {"a": [1.0, None], "b": 2}
    journal.keep("c", 3)
    assert path.read_text() == Journal.text(TASK, journal.results)


def test_reading_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """A run may be writing the line that is not yet whole."""
    path = tmp_path / "kept.jsonl"
    Journal.open(path, TASK).keep("a", 1)
    content = path.read_bytes() + b'{"key": "b", "res'
    path.write_bytes(content)
    assert Journal.read(path).results == {"a": 1}
    with pytest.raises(InputError, match="another task"):
        Journal.open(path, TASK | {"seed": 2})
    assert path.read_bytes() == content


def test_a_first_line_that_was_cut_off_was_never_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    whole = Journal.text(TASK, {})
    for content in ("", whole[:5], whole[:-1]):
        path.write_text(content)
        Journal.open(path, TASK).keep("a", 1)
        assert path.read_text() == Journal.text(TASK, {"a": 1})
    path.write_text(Journal.text({"what": "scan"}, {})[:-1])
    with pytest.raises(FormatError, match="no file of kept results"):
        Journal.open(path, TASK)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "9" * 400, "[" * 100_000])
def test_refuses_what_no_number_could_be(tmp_path: Path, value: str) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text(Journal.text(TASK, {}) + f'{{"key": "a", "result": {value}}}\n')
    with pytest.raises(FormatError, match=r"kept\.jsonl, line 2: .*no file of kept results"):
        Journal.open(path, TASK)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no file that results could be kept in"):
        Journal.open(tmp_path, TASK)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged([Journal.text(TASK, {"a": [1.0, None], "b": {"x": 2}, "c": "text"}).encode()]))
def test_any_damage_is_refused_or_read(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_bytes(change[1])
    with suppress(InputError):
        journal = Journal.open(path, TASK)
        json.dumps(journal.results, allow_nan=False)
        journal.keep("d", 1)
        assert Journal.read(path).results == journal.results


# ----------------------------------------------------------------------------------------------------- one at a time
OTHER = """
import sys
from pathlib import Path
from hftranslate.batch.journal import Journal
journal = Journal.open(Path(sys.argv[1]), {"what": "toys", "seed": 1, "chunks": [1, 2]})
journal.keep("theirs", 1)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that keeps its results in the same file."""
    command = [sys.executable, "-c", OTHER, str(tmp_path / "kept.jsonl")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_a_second_process_is_refused(other: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """It would do the same work again. What is there can be read meanwhile."""
    path = tmp_path / "kept.jsonl"
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"kept\.jsonl is being written by another process, which does the same work"):
        Journal.open(path, TASK)
    assert path.read_bytes() == before
    assert Journal.read(path).results == {"theirs": 1}


def test_a_process_that_was_killed_holds_nothing(other: "subprocess.Popen[str]", tmp_path: Path) -> None:
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    journal = Journal.open(tmp_path / "kept.jsonl", TASK)
    journal.keep("ours", 2)
    assert journal.results == {"theirs": 1, "ours": 2}


def test_a_process_may_open_its_own_again_and_lets_go_of_it(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    first = Journal.open(path, TASK)
    second = Journal.open(tmp_path / "." / "kept.jsonl", TASK)
    del first
    command = [sys.executable, "-c", OTHER, str(path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, input="")
    assert "another process" in refused.stderr
    second.keep("ours", 1)
    del second
    free = subprocess.run(command, capture_output=True, text=True, check=False, input="")
    assert (free.returncode, free.stdout) == (0, "open\n")
    path.unlink()
    assert Journal.open(path, TASK).results == {}
