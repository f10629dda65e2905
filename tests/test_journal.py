"""Results kept while a task runs."""

from pathlib import Path

import pytest

from hftranslate.errors import FormatError, InputError
from hftranslate.journal import Journal

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
