"""Scan a patch set by toys on a cluster: SLURM or HTCondor by dask-jobqueue, or two workers of this machine.

    python validation/cluster_scan.py BkgOnly.json patchset.json --on slurm --workers 500 --queue short --toys 200000 \\
        --resume scan.jsonl -o scan.json

The client that runs this submits, listens and keeps results: it belongs on a login node, in tmux or the like. What is
killed with it goes on from ``--resume``. The last line on standard error says what the scan cost: see docs/clusters.md.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from hftranslate.batch import BatchOptions
from hftranslate.signal_grid import Scan, ScanSettings, read_background, read_patchset, scan
from hftranslate.toys import ToyOptions

#: How many times a task that died with its worker is tried again elsewhere.
RETRIES = 5


@dataclass(kw_only=True)
class Cost:
    """What a scan cost: tasks and their toys, seconds by the clock, bytes kept, and the memory of this process in MB.

    The memory is that after every tenth of the work; the scheduler of a cluster of dask-jobqueue or of this machine is
    in the same process.
    """

    seconds: float = 0.0
    tasks: int = 0
    toys: int = 0
    journal_bytes: int = 0
    memory_mb: list[float] = field(default_factory=list)

    def listen(self, step: str, done: int, total: int) -> None:
        """Look at the memory at every tenth."""
        while len(self.memory_mb) < 10 * done // max(total, 1) + 1:
            self.memory_mb.append(round(memory_mb(), 1))
        self.tasks, self.toys = self.tasks + (done > 0), total


def memory_mb() -> float:
    """The memory that this process holds now."""
    import psutil

    return float(psutil.Process(os.getpid()).memory_info().rss) / 2**20


def cluster_of(options: argparse.Namespace) -> Any:
    """The cluster: each job is a worker with one core."""
    if options.on == "local":
        from distributed import LocalCluster

        return LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=options.workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        )
    import dask_jobqueue

    shared: dict[str, Any] = {
        "cores": 1,
        "processes": 1,
        "scheduler_options": {"dashboard_address": ":0"},
        "memory": options.memory,
        "worker_extra_args": ["--lifetime", options.lifetime, "--lifetime-stagger", "4m"],
        "job_script_prologue": ["export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"],
    }
    if options.on == "slurm":
        return dask_jobqueue.SLURMCluster(queue=options.queue, walltime=options.walltime, **shared)
    hours, minutes, seconds = map(int, options.walltime.split(":"))
    extra = {"+MaxRuntime": str(3600 * hours + 60 * minutes + seconds)}
    return dask_jobqueue.HTCondorCluster(disk=options.disk, job_extra_directives=extra, **shared)


def run(options: argparse.Namespace, cluster: Any, cost: Cost) -> Scan:
    """Scan on a cluster; it is as large as the queue lets it be, and the scan begins with the first worker."""
    from distributed import Client

    background = read_background(options.background)
    settings = ScanSettings(toys=ToyOptions(toys=options.toys, seed=options.seed))
    start = perf_counter()
    with Client(cluster) as client:  # type: ignore[no-untyped-call]
        batch = BatchOptions(
            executor=client.get_executor(pure=False, retries=RETRIES),
            progress=cost.listen,
            resume=options.resume,
            task_seconds=options.task_seconds,
        )
        found = scan(background, read_patchset(options.patchset), settings, batch=batch)
    cost.seconds = round(perf_counter() - start, 1)
    cost.journal_bytes = 0 if options.resume is None else options.resume.stat().st_size
    return found


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("background")
    result.add_argument("patchset")
    result.add_argument("--on", choices=["local", "slurm", "htcondor"], default="local")
    result.add_argument("--workers", type=int, default=2)
    result.add_argument("--toys", type=int, default=10_000, help="of each hypothesis at each point")
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--resume", type=Path)
    result.add_argument("--task-seconds", type=float, default=20.0)
    result.add_argument("--queue", help="SLURM's partition")
    result.add_argument("--memory", default="2GB")
    result.add_argument("--disk", default="1GB")
    result.add_argument("--walltime", default="04:00:00", help="of a job, HH:MM:SS")
    result.add_argument("--lifetime", default="230m", help="after which a worker ends by itself; below the walltime")
    result.add_argument("-o", "--output-file", type=Path, required=True)
    return result


def main() -> None:
    options, cost = parser().parse_args(), Cost()
    with cluster_of(options) as cluster:
        if options.on != "local":
            cluster.scale(jobs=options.workers)
        found = run(options, cluster, cost)
    options.output_file.write_text(json.dumps(found.to_document(), indent=1) + "\n")
    print(json.dumps(asdict(cost)), file=sys.stderr)
    sys.exit(0 if found.points else 1)


if __name__ == "__main__":
    main()
