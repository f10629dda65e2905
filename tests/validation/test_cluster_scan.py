"""Scans by toys on a cluster: the script that users take for theirs, on two workers of this machine."""

import json
import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hftranslate.signal_grid import ScanSettings, scan
from hftranslate.signal_grid.scan import scan_from_document
from hftranslate.toys import ToyOptions
from tests.signal_grid.grid import background, patches
from validation import cluster_scan

POINTS = [(100, 0), (200, 0), (200, 50), (300, 0), (400, 0)]
TOYS = 200


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / "background.json").write_text(json.dumps(background()))
    (tmp_path / "patchset.json").write_text(json.dumps(patches(POINTS).to_document()))
    files = [str(tmp_path / name) for name in ("background.json", "patchset.json")]
    return [*files, "--toys", str(TOYS), "--resume", str(tmp_path / "kept.jsonl"), "-o", str(tmp_path / "scan.json")]


def parsed(arguments: list[str]) -> Namespace:
    return cluster_scan.parser().parse_args(arguments)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_tasks_only(arguments: list[str], tmp_path: Path) -> None:
    """Tasks of one chunk, of which a worker dies with those that it has: they are made again, and all is as here."""
    pytest.importorskip("distributed")
    options, cost = parsed([*arguments, "--task-seconds", "0.001"]), cluster_scan.Cost()
    with cluster_scan.cluster_of(options) as cluster:
        victim = next(iter(cluster.workers.values())).process.process.pid
        cost.listen = _killing(victim, cost.listen)
        found = cluster_scan.run(options, cluster, cost)
    here = scan(background(), patches(POINTS), ScanSettings(toys=ToyOptions(toys=TOYS)))
    assert found == here
    kept = [json.loads(line)["key"] for line in (tmp_path / "kept.jsonl").read_text().splitlines()[1:]]
    n_parts = len(POINTS) * TOYS // 100
    assert len(kept) == len(set(kept)) == n_parts + len(POINTS)
    assert cost.tasks == n_parts
    assert cost.toys == 2 * TOYS * len(POINTS)
    assert len(cost.memory_mb) == 11


def _killing(pid: int, listen: Callable[[str, int, int], None]) -> Callable[[str, int, int], None]:
    killed: list[int] = []

    def kill(step: str, done: int, total: int) -> None:
        listen(step, done, total)
        if 3 * done > total and not killed:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    return kill


@pytest.mark.slow
def test_the_script(arguments: list[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    script = Path(cluster_scan.__file__)
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stderr.splitlines()[-1])
    assert cost["toys"] == 2 * TOYS * len(POINTS)
    assert cost["journal_bytes"] == (tmp_path / "kept.jsonl").stat().st_size
    found = scan_from_document(json.loads((tmp_path / "scan.json").read_text()))
    assert [p.values for p in found.points] == POINTS


@pytest.mark.parametrize(
    ("on", "words"),
    [
        ("slurm", ["#SBATCH -p short", "#SBATCH -t 04:00:00", "--lifetime 230m", "export OMP_NUM_THREADS=1"]),
        (
            "htcondor",
            ["+MaxRuntime = 14400", "MY.DaskWorkerDisk = 1000000000", "--lifetime 230m", "export OMP_NUM_THREADS=1"],
        ),
    ],
)
def test_jobs_of_a_batch_system(on: str, words: list[str], arguments: list[str]) -> None:
    """What is submitted, as dask-jobqueue writes it."""
    pytest.importorskip("dask_jobqueue")
    options = parsed([*arguments, "--on", on, "--queue", "short"])
    with cluster_scan.cluster_of(options) as cluster:
        script: Any = cluster.job_script()
    for word in words:
        assert word in script, script
