"""Options of commands that run many fits."""

import gc

from hftranslate.cli.workers import executor_of, settled


def test_one_worker_is_this_process_and_more_are_others() -> None:
    with executor_of(1, None) as executor:
        assert executor is None
    with executor_of(2, None) as executor:
        assert executor is not None
        assert list(executor.map(abs, [-1, 2])) == [1, 2]


def test_what_was_read_is_spared_while_it_is_used() -> None:
    before = gc.get_freeze_count()
    with settled():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0
