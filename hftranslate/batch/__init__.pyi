from hftranslate.batch.executors import executor_of
from hftranslate.batch.fingerprint import fingerprint
from hftranslate.batch.journal import Journal
from hftranslate.batch.options import BatchOptions
from hftranslate.batch.progress import Progress, silent
from hftranslate.batch.run_kept import run_kept
from hftranslate.batch.run_many import Failed, run_many

__all__ = [
    "BatchOptions",
    "Failed",
    "Journal",
    "Progress",
    "executor_of",
    "fingerprint",
    "run_kept",
    "run_many",
    "silent",
]
