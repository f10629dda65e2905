"""Toys that were kept in files, and what they say together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from hftranslate.batch.journal import Journal
from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.inference.asymptotics import TestStat
from hftranslate.toys.discovery import ToySignificance, toy_significance_of
from hftranslate.toys.hypotest import ToyTestResult, toy_test_of
from hftranslate.toys.samples import MOST_FAILED, KeptToys, kept_toys, merged, toys_journal


def read_journals(files: Sequence[Path]) -> list[Journal]:
    """What files keep.

    Raises
    ------
    MissingInput
        There is no such file.
    FormatError
        A file keeps no toys, or is damaged.
    """
    for file in files:
        if not file.is_file():
            raise MissingInput(f"there is no file {file}")
    return [toys_journal(file) for file in files]


def merge(files: Sequence[Path]) -> str:
    """The content of a file that keeps the toys of all, as :func:`~hftranslate.toys.samples.merged` joins them.

    Raises
    ------
    InputError
        As :func:`read_journals`, or the files do not belong together.
    """
    journals = read_journals(files)
    results = merged(journals)
    kept_toys(results, str(files[0]))
    return Journal.text(journals[0].task, results)


def kept_sample(files: Sequence[Path], poi: float | None = None) -> tuple[KeptToys, str]:
    """The toys that files keep, of one tested value, and their test statistic.

    Raises
    ------
    MissingInput
        There is no such file, or no toys of both hypotheses for the tested value.
    InputError
        The files do not belong together, or hold several tested values.
    FormatError
        A file keeps something else.
    """
    journals = read_journals(files)
    found = {kept.poi_test: kept for kept in kept_toys(merged(journals), str(files[0]))}
    if poi is None and len(found) > 1:
        raise InputError(f"toys of {len(found)} tested values are kept ({list(found)}): choose one with --poi")
    chosen = next(iter(found), None) if poi is None else poi
    if chosen not in found:
        raise MissingInput(f"no toys of both hypotheses are kept for {chosen or 'any value'}; there are {list(found)}")
    return found[chosen], str(journals[0].task.get("test_stat", ""))


def kept_results(files: Sequence[Path], most_failed: float = MOST_FAILED) -> list[dict[str, Any]]:
    """The tests that all toys of files together make, one for each tested value, as plain JSON values.

    Parameters
    ----------
    files
        what ``--resume`` kept.
    most_failed
        the part of the toys of a hypothesis whose fits may fail, from 0 to 1.

    Returns
    -------
    list of dict
        by tested value in increasing order, as ``hftranslate cls --toys`` writes each.

    Raises
    ------
    InputError
        As :func:`kept_sample`, or there are no toys of both hypotheses for any value.
    FitFailed
        More than ``most_failed`` of the toys of a hypothesis failed.
    """
    journals = read_journals(files)
    task, found = journals[0].task, kept_toys(merged(journals), str(files[0]), most_failed)
    if not found:
        raise InputError(f"{files[0]} holds toys of both hypotheses for no value of the parameter of interest")
    discovery = task.get("test_stat") == "q0"
    wanted = ("test_stat", "conventions", *(("expected_poi",) if discovery else ()))
    missing = [
        name for name in wanted if not isinstance(task.get(name), int | float if name == "expected_poi" else str)
    ]
    if missing or not (discovery or task["test_stat"] in get_args(TestStat)):
        raise FormatError(f"{files[0]} does not tell what its toys are of: {', '.join(missing or wanted)}")
    return [_result(task, kept).to_dict() for kept in found]


def _result(task: dict[str, Any], kept: KeptToys) -> ToyTestResult | ToySignificance:
    q, muhat = (float(kept.observed[name]) for name in ("q", "muhat"))
    if task["test_stat"] == "q0":
        significance = toy_significance_of(kept.sample, q, muhat, float(task["expected_poi"]))
        return replace(significance, conventions=task["conventions"], seeds=kept.seeds)
    test = toy_test_of(kept.sample, kept.poi_test, task["test_stat"], q, muhat)
    return replace(test, conventions=task["conventions"], seeds=kept.seeds)
