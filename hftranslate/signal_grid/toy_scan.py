"""CLs by toys of many points: tasks of a length that suits a cluster, and what they leave behind.

A task makes some of the chunks of toys of a point (:mod:`hftranslate.toys.samples`) and returns their summary
(:mod:`hftranslate.toys.summaries`), or every statistic where that is asked for. How long it takes is settled by how
long those before it took; results do not depend on it. A task that is lost with its worker is all that is made again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf, isfinite
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.journal import Journal, are_numbers, is_number
from hftranslate.batch.options import BatchOptions
from hftranslate.batch.run_many import Failed, run_each
from hftranslate.errors import FitFailed
from hftranslate.inference.tester import Tester, check_poi_test
from hftranslate.signal_grid.document import Patch
from hftranslate.signal_grid.tasks import Background, Json, Packed, ScanSettings, model_of
from hftranslate.toys.hypotest import experiment_of, toy_test_of
from hftranslate.toys.samples import (
    CHUNK,
    HYPOTHESES,
    NAMES,
    Chunk,
    ToyOptions,
    ToySample,
    at_once,
    check_failed,
    checked,
)
from hftranslate.toys.summaries import ToySummary, toy_test_of_summaries

Floats = NDArray[np.float64]

#: What a part of the toys of a point is kept under.
_KEY = re.compile(r"(?P<name>.*) toys (?P<first>\d{1,12})-(?P<stop>\d{1,12})", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The chunks ``first``, ``first + 1``, ... before ``stop`` of the toys of a point, of both hypotheses."""

    packed: Packed
    first: int
    stop: int

    @property
    def key(self) -> str:
        """What a journal keeps it under."""
        return f"{self.packed.patch.name} toys {self.first}-{self.stop}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTask:
    """Makes the toys of a part on a background; travels to workers."""

    background: Background
    settings: ScanSettings
    toys: ToyOptions

    def __call__(self, part: Part) -> tuple[Json, float]:
        """What the toys say as plain JSON values, and the seconds that a chunk of both hypotheses took.

        Raises
        ------
        InputError, FitFailed
            The patch does not apply, gives no valid model, or a fit of the data fails.
        """
        settings, poi_test = self.settings, self.settings.test_poi
        model, data = model_of(self.background, part.packed.patch, settings)
        tester = Tester(
            model=model,
            data=data,
            test_stat=settings.test_stat,
            poi_range=settings.poi_range,
            options=settings.options,
        )
        poi_test = check_poi_test(poi_test)
        q, free, _ = tester.q(poi_test)
        experiment = experiment_of(tester, poi_test)
        start = perf_counter()
        ends = [end if isfinite(end) else None for end in tester.about["poi_bounds"]]
        about: Json = {**tester.about, "poi_bounds": ends}
        found: Json = {"q": q, "muhat": free.value(tester.poi), "about": about}
        for hypothesis in HYPOTHESES:
            chunks = (
                Chunk(
                    poi_test=poi_test,
                    seed=self.toys.seed,
                    hypothesis=hypothesis,
                    number=number,
                    size=min(CHUNK, self.toys.toys - number * CHUNK),
                )
                for number in range(part.first, part.stop)
            )
            statistics = [q for task in at_once(chunks) for found in experiment(task) for q in found]
            found[hypothesis] = statistics if settings.every_q else ToySummary.of(_floats(statistics), q).to_dict()
        return found, (perf_counter() - start) / (part.stop - part.first)


def _floats(statistics: Sequence[float | None]) -> Floats:
    return np.array([np.nan if q is None else q for q in statistics], dtype=np.float64)


@dataclass(slots=True)
class _Gathered:
    """What has arrived of the toys of a point, by first chunk and the one after the last."""

    parts: dict[tuple[int, int], Json] = field(default_factory=dict)

    def missing(self, n_chunks: int) -> Iterator[tuple[int, int]]:
        """Chunks that have not arrived, as first one and the one after the last."""
        done = 0
        for first, stop in sorted(self.parts):
            if first > done:
                yield done, first
            done = stop
        if done < n_chunks:
            yield done, n_chunks

    def add(self, first: int, stop: int, found: Json) -> bool:
        """Whether a part is taken: its chunks are not there yet."""
        if any(first < b and a < stop for a, b in self.parts):
            return False
        self.parts[first, stop] = found
        return True


class _Pace:
    """How many chunks a task should have to take some time; one, as long as nobody knows."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._per_chunk = seconds, inf

    def learn(self, per_chunk: float) -> None:
        """Take a measurement."""
        self._per_chunk = max(per_chunk, 1e-9)

    @property
    def chunks(self) -> int:
        """So many."""
        return max(1, int(self._seconds / self._per_chunk))


def scan_by_toys(
    background: Background,
    patches: Sequence[Patch],
    settings: ScanSettings,
    toys: ToyOptions,
    batch: BatchOptions,
    journal: Journal | None,
) -> dict[str, Json | Failed]:
    """CLs of points by toys, by name; a point is kept when it is complete, and each of its parts as it arrives.

    Raises
    ------
    FormatError
        The journal holds something else.
    WorkersLost
        The workers are gone.
    """
    n_chunks, pace = ceil(toys.toys / CHUNK), _Pace(batch.task_seconds)
    gathered = {p.name: _Gathered() for p in patches} if journal is None else _taken_up(journal, patches, n_chunks)
    results: dict[str, Json | Failed] = {}
    total = 2 * toys.toys * len(patches)

    def toys_of(first: int, stop: int) -> int:
        return 2 * (min(stop * CHUNK, toys.toys) - first * CHUNK)

    def finish(name: str) -> None:
        try:
            results[name] = _result(gathered.pop(name), settings, toys)
        except FitFailed as error:
            results[name] = Failed(str(error))
        else:
            if journal is not None:
                journal.write(name, results[name])

    def parts() -> Iterator[Part]:
        for patch in patches:
            packed = Packed(patch)
            for first, stop in list(gathered[patch.name].missing(n_chunks)) if patch.name in gathered else ():
                while first < stop and patch.name not in results:
                    last = min(first + pace.chunks, stop)
                    yield Part(packed=packed, first=first, stop=last)
                    first = last

    done = sum(toys_of(*key) for g in gathered.values() for key in g.parts)
    batch.progress("toys", done, total)
    for name in [name for name, g in gathered.items() if not list(g.missing(n_chunks))]:
        finish(name)
    task = PartTask(background=background, settings=settings, toys=toys)
    for _, part, arrived in run_each(task, parts(), executor=batch.executor):
        name = part.packed.patch.name
        if isinstance(arrived, Failed):
            results[name] = arrived
            gathered.pop(name, None)
        elif name in gathered:
            found, seconds = arrived
            pace.learn(seconds)
            gathered[name].add(part.first, part.stop, found)
            if journal is not None:
                journal.write(part.key, found)
            if not list(gathered[name].missing(n_chunks)):
                finish(name)
        done += toys_of(part.first, part.stop)
        batch.progress("toys", min(done, total), total)
    return results


def _taken_up(journal: Journal, patches: Iterable[Patch], n_chunks: int) -> dict[str, _Gathered]:
    """What a journal keeps of parts, judged; it holds them no more."""
    gathered = {p.name: _Gathered() for p in patches}
    for key in list(journal.results):
        match = _KEY.fullmatch(key)
        if match is None:
            continue
        found = journal.results.pop(key)
        name, first, stop = match["name"], int(match["first"]), int(match["stop"])
        if name not in gathered:  # the point is complete, or not wanted
            continue
        try:
            good = first < stop <= n_chunks and is_number(found["q"]) and is_number(found["muhat"])
            low, high = found["about"]["poi_bounds"]
            good = good and all(end is None or is_number(end) for end in (low, high))
            good = good and all(isinstance(found["about"][key], str) for key in ("poi", "conventions"))
            for hypothesis in HYPOTHESES:
                value = found[hypothesis]
                good = good and (are_numbers(value, or_null=True) or ToySummary.from_dict(value).n > 0)
        except (KeyError, TypeError, ValueError, AttributeError):
            good = False
        if not good:
            raise journal.wrong(key, "a scan")
        gathered[name].add(first, stop, found)
    return gathered


def _result(gathered: _Gathered, settings: ScanSettings, toys: ToyOptions) -> Json:
    """The test that all toys of a point make, as plain JSON values."""
    parts = [found for _, found in sorted(gathered.parts.items())]
    first = parts[0]
    about = first["about"]
    low, high = about["poi_bounds"]
    more = {
        "poi": about["poi"],
        "poi_bounds": (-inf if low is None else low, inf if high is None else high),
        "conventions": about["conventions"],
        "seeds": (toys.seed,),
    }
    of_data = (settings.test_poi, settings.test_stat, float(first["q"]), float(first["muhat"]))
    if settings.every_q:
        signal, background = (_floats([q for part in parts for q in part[h]]) for h in HYPOTHESES)
        sample = checked(ToySample(signal=signal, background=background), toys.most_failed)
        return replace(toy_test_of(sample, *of_data), **more).to_dict()
    summaries = [ToySummary.sum([ToySummary.from_dict(part[h]) for part in parts]) for h in HYPOTHESES]
    for name, summary in zip(NAMES, summaries, strict=True):
        check_failed(name, summary.failed, summary.n, toys.most_failed)
    result = replace(toy_test_of_summaries(summaries[0], summaries[1], *of_data), **more).to_dict()
    moments = {h: [float(f"{v:.9g}") for v in s.moments()] for h, s in zip(HYPOTHESES, summaries, strict=True)}
    return {**result, "toys": {**result["toys"], "q": moments}}
