"""How a function gets to the workers of a dask cluster; the only module that needs dask to be imported."""

from typing import Any

from distributed import WorkerPlugin

from hftranslate.batch.shipping import deliver, discard


class Delivery(WorkerPlugin):
    """Delivers a function to every worker, also to those that join later or start again."""

    def __init__(self, key: str, packed: bytes) -> None:
        self.key, self.packed = key, packed

    def setup(self, worker: Any) -> None:
        """Hand it over."""
        deliver(self.key, self.packed)

    def teardown(self, worker: Any) -> None:
        """Take it back."""
        discard(self.key)
