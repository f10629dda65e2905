"""Many toys of the two hypotheses of a test: fitted in chunks, anywhere, resumed and merged.

A chunk is a fixed number of toys with a seed of its own, made from the seed of the run, the hypothesis and the number
of the chunk. What a run finds therefore depends on neither the number of workers nor the order of arrival, and a larger
run begins with the toys of a smaller one of the same seed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.journal import Journal, are_numbers, is_number
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_many import Failed, run_many
from hftranslate.errors import FitFailed, FormatError, InputError
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.tester import AnyStat, PoiRange
from hftranslate.likelihood.model import Data, Model
from hftranslate.records import record
from hftranslate.toys.fits import TOY_OPTIONS, Toys, fit_toys, sample_toys

Floats = NDArray[np.float64]
#: Toys with signal and without; in this order their places among the seeds.
Hypothesis = Literal["signal", "background"]
HYPOTHESES: tuple[Hypothesis, ...] = get_args(Hypothesis)

#: Toys of a chunk. Results depend on it: toys of another size would be others.
CHUNK = 100
#: Chunks that are fitted at once: more of them cost more memory, and are fewer tasks for workers.
_AT_ONCE = 4
#: Part of the toys of a hypothesis that may fail; one always may.
MOST_FAILED = 0.01
#: By how much two computations of a toy may differ: twice what a fit leaves, with a margin.
_SAME = 1e-6
_NUMBER = r"-?\d+(\.\d+)?(e[-+]?\d+)?"
_KEY = re.compile(
    rf"poi=(?P<poi>{_NUMBER}) "
    r"(observed|seed=(?P<seed>\d{1,40}) (?P<hypothesis>signal|background) (?P<number>\d{1,18}))",
    re.ASCII,
)
_OBSERVED = ("q", "muhat")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyOptions:
    """How many toys are made of each hypothesis, and how.

    Attributes
    ----------
    toys, seed
        toys of each hypothesis, and what their random numbers are made from.
    most_failed
        part of the toys of a hypothesis whose fits may fail; one always may.

    Raises
    ------
    InputError
        There are no toys, the seed is negative, or the part is none.
    """

    toys: int = 1000
    seed: int = 0
    most_failed: float = MOST_FAILED

    def __post_init__(self) -> None:
        if self.toys < 1:
            raise InputError(f"a test by toys needs toys, not {self.toys}")
        if self.seed < 0:
            raise InputError(f"the seed of toys is not negative, as {self.seed} is")
        if not 0.0 <= self.most_failed <= 1.0:
            raise InputError(f"the part of toys that may fail lies between 0 and 1, not at {self.most_failed}")


DEFAULT_TOYS = ToyOptions()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToySample:
    """Test statistics of toys with signal and without, one entry per toy; NaN where a fit failed."""

    signal: Floats
    background: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some toys: those of a tested value and a seed, of one hypothesis, with a number; the first ``size`` of them."""

    poi_test: float
    seed: int
    hypothesis: Hypothesis
    number: int
    size: int

    @property
    def key(self) -> str:
        """What a journal keeps them under."""
        return f"poi={self.poi_test!r} seed={self.seed} {self.hypothesis} {self.number}"

    def generator(self) -> "np.random.Generator":
        """The random numbers of the chunk: those of a seed are the same for every tested value."""
        place = (HYPOTHESES.index(self.hypothesis), self.number)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=place))


@record
class ToyExperiment:
    """What happens to chunks, with all that it needs: it travels to workers.

    Attributes
    ----------
    test_stat, poi_range, options
        as in :func:`~hftranslate.toys.fits.fit_toys`.
    truths
        the parameter point of each hypothesis.
    """

    model: Model
    test_stat: AnyStat
    poi_range: PoiRange
    truths: Mapping[Hypothesis, Floats]
    options: FitOptions = TOY_OPTIONS

    def __call__(self, chunks: Sequence[Chunk]) -> list[list[float | None]]:
        """The test statistics of the toys of chunks of one value and hypothesis; ``None`` where a fit failed."""
        first = chunks[0]
        truth = self.truths[first.hypothesis]
        parts = [sample_toys(self.model, truth, CHUNK, c.generator()).first(c.size) for c in chunks]
        fits = fit_toys(
            self.model,
            Toys.joined(parts),
            first.poi_test,
            test_stat=self.test_stat,
            poi_range=self.poi_range,
            options=self.options,
        )
        found = iter([float(q) if valid else None for q, valid in zip(fits.q, fits.valid, strict=True)])
        return [list(islice(found, c.size)) for c in chunks]


def chunks_of(poi_test: float, toy_options: ToyOptions) -> list[Chunk]:
    """The chunks of the toys of each hypothesis, in turns."""
    n, seed = toy_options.toys, toy_options.seed
    return [
        Chunk(poi_test=poi_test, seed=seed, hypothesis=h, number=start // CHUNK, size=min(CHUNK, n - start))
        for start in range(0, n, CHUNK)
        for h in HYPOTHESES
    ]


def at_once(chunks: Iterable[Chunk]) -> list[list[Chunk]]:
    """Those that are fitted at once: of one hypothesis, by their numbers only, whoever fits them."""
    groups: dict[tuple[Hypothesis, int], list[Chunk]] = {}
    for chunk in chunks:
        groups.setdefault((chunk.hypothesis, chunk.number // _AT_ONCE), []).append(chunk)
    return list(groups.values())


def run_toys(
    experiment: ToyExperiment,
    poi_test: float,
    toy_options: ToyOptions = DEFAULT_TOYS,
    *,
    batch: BatchOptions = DEFAULT_BATCH,
    journal: Journal | None = None,
) -> ToySample:
    """Fit toys of each hypothesis.

    Parameters
    ----------
    batch
        where chunks are fitted, and who listens to how many toys are done.
    journal
        the one that ``batch`` opened (:func:`journal_of`): it keeps chunks as they arrive; those that it holds are not
        fitted again.

    Raises
    ------
    FitFailed
        Toys could not be fitted at all, because toys cannot be drawn or the fit of their expectation fails; or too
        many toys failed.
    """
    chunks = chunks_of(poi_test, toy_options)
    kept: dict[str, list[float | None]] = {} if journal is None else dict(journal.results)
    missing = [c for c in chunks if len(kept.get(c.key, ())) < c.size]
    tasks = at_once(missing)
    sizes = np.cumsum([0, *(sum(c.size for c in task) for task in tasks)])
    before = 2 * toy_options.toys - int(sizes[-1])

    def listen(step: str, done: int, total: int) -> None:
        batch.progress(step, before + int(sizes[done]), before + int(sizes[total]))

    def keep(index: int, found: list[list[float | None]] | Failed) -> None:
        if isinstance(found, Failed):
            return
        for chunk, statistics in zip(tasks[index], found, strict=True):
            kept[chunk.key] = statistics
            if journal is not None:
                journal.keep(chunk.key, statistics)

    step = f"toys at {poi_test:.4g}"
    arrived = run_many(experiment, tasks, executor=batch.executor, progress=listen, step=step, keep=keep)
    reason = next((found.reason for found in arrived if isinstance(found, Failed)), None)
    if reason is not None:
        raise FitFailed(f"no toys at a parameter of interest of {poi_test:g}: {reason}")
    found = {h: [kept[c.key][: c.size] for c in chunks if c.hypothesis == h] for h in HYPOTHESES}
    return checked(_sample(found), toy_options.most_failed)


def _sample(chunks: Mapping[Hypothesis, Iterable[Sequence[float | None]]]) -> ToySample:
    signal, background = (
        np.array([np.nan if q is None else q for chunk in chunks[h] for q in chunk], dtype=np.float64)
        for h in HYPOTHESES
    )
    return ToySample(signal=signal, background=background)


def checked(sample: ToySample, most_failed: float = MOST_FAILED) -> ToySample:
    """The sample, if not too many of its toys failed.

    Raises
    ------
    FitFailed
        More than one toy and more than ``most_failed`` of those of a hypothesis failed.
    """
    for name, statistics in zip(NAMES, (sample.signal, sample.background), strict=True):
        check_failed(name, int(np.sum(np.isnan(statistics))), len(statistics), most_failed)
    return sample


#: What the toys of each hypothesis are called.
NAMES = ("with signal", "without signal")


def check_failed(name: str, failed: int, n: int, most_failed: float) -> None:
    """Refuse toys of a hypothesis of which too many failed, as :func:`checked`."""
    if failed > max(1.0, most_failed * n) or failed == n:
        raise FitFailed(
            f"{failed} of {n} toys {name} could not be fitted, more than {most_failed:.1%}: try another minimizer "
            "or more iterations, look at the model with 'doctor', or allow more (--max-failed) and see the bounds "
            "on the p-values"
        )


# ---------------------------------------------------------------------------------------------------- what is kept
def journal_of(batch: BatchOptions, experiment: ToyExperiment, data: Data, **more: Any) -> Journal | None:
    """The journal of an experiment's toys: started, or taken up if it is of the same model, data and statistic."""
    journal = batch.journal(
        experiment.model,
        data,
        what="toys",
        conventions=experiment.model.conventions.name,
        test_stat=experiment.test_stat,
        poi_range=experiment.poi_range,
        minimizer=experiment.options.minimizer,
        **more,
    )
    return None if journal is None else _of_toys(journal)


def toys_journal(path: Path) -> Journal:
    """A journal of toys that lies there, whatever they are of.

    Raises
    ------
    FormatError
        The file is no journal, or keeps something else.
    """
    return _of_toys(Journal.read(path))


def _of_toys(journal: Journal) -> Journal:
    """The journal, if it keeps toys and nothing else."""
    for key, result in journal.results.items():
        match = _KEY.fullmatch(key)
        if match is None or not isfinite(float(match["poi"])):
            raise FormatError(f"{journal.path} holds other results than toys: {key!r}")
        if match["seed"] is None:
            good = isinstance(result, dict) and result.keys() == set(_OBSERVED) and all(map(is_number, result.values()))
        else:
            good = are_numbers(result, or_null=True) and 0 < len(result) <= CHUNK
        if not good:
            raise journal.wrong(key, "toys")
    return journal


def observed_key(poi_test: float) -> str:
    """What a journal keeps the test of the data under."""
    return f"poi={poi_test!r} observed"


def merged(journals: Sequence[Journal]) -> dict[str, Any]:
    """The results of several journals together; what is in more than one of them is counted once.

    Parameters
    ----------
    journals
        of runs with different seeds, or of parts of one run.

    Returns
    -------
    dict
        results by their keys.

    Raises
    ------
    InputError
        They belong to different tasks, or hold different results under one key.
    """
    first, *others = journals
    results = dict(first.results)
    for other in others:
        different = sorted(k for k in {**first.task, **other.task} if first.task.get(k) != other.task.get(k))
        if different:
            raise InputError(
                f"{first.path} and {other.path} do not belong together: they differ in {', '.join(different)}"
            )
        for key, result in other.results.items():
            if key in results:
                result = _longer(results[key], result, f"{first.path} and {other.path}: {key}")
            results[key] = result
    return results


def _longer(one: Any, other: Any, where: str) -> Any:
    """Of two results of the same thing the longer one, if they agree as far as both go."""
    a, b = (_numbers(result) for result in (one, other))
    n = min(len(a), len(b))
    if not np.allclose(a[:n], b[:n], rtol=_SAME, atol=_SAME, equal_nan=True):
        raise InputError(f"{where} differ, although their seeds are the same")
    return one if len(one) >= len(other) else other


def _numbers(result: Any) -> Floats:
    values = [result[name] for name in _OBSERVED] if isinstance(result, dict) else result
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptToys:
    """All toys of one tested value that journals hold, of whatever seeds; ``observed`` is the test of the data."""

    poi_test: float
    observed: Mapping[str, float]
    sample: ToySample
    seeds: tuple[int, ...]


def kept_toys(results: Mapping[str, Any], source: str, most_failed: float = 1.0) -> list[KeptToys]:
    """The toys among kept results, by tested value in increasing order.

    Parameters
    ----------
    results
        of one journal, or :func:`merged` of several.
    source
        what to call it in messages.
    most_failed
        the part of the toys of a hypothesis whose fits may fail, from 0 to 1.

    Returns
    -------
    list of KeptToys
        one for each tested value.

    Raises
    ------
    FormatError
        Something else is kept there.
    FitFailed
        More than ``most_failed`` of the toys of a hypothesis failed.
    """
    observed: dict[float, Mapping[str, float]] = {}
    chunks: dict[float, dict[Hypothesis, dict[tuple[int, int], list[float | None]]]] = {}
    for key, result in results.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise FormatError(f"{source} holds other results than toys: {key!r}")
        poi = float(match["poi"])
        if match["seed"] is None:
            observed[poi] = result
            continue
        place = chunks.setdefault(poi, {h: {} for h in HYPOTHESES})
        place[match["hypothesis"]][int(match["seed"]), int(match["number"])] = result  # type: ignore[index]
    found = []
    for poi, by_hypothesis in sorted(chunks.items()):
        if poi in observed and all(by_hypothesis.values()):
            sample = _sample({h: [c for _, c in sorted(by_hypothesis[h].items())] for h in HYPOTHESES})
            seeds = tuple(sorted({seed for places in by_hypothesis.values() for seed, _ in places}))
            found.append(
                KeptToys(poi_test=poi, observed=observed[poi], sample=checked(sample, most_failed), seeds=seeds)
            )
    return found
