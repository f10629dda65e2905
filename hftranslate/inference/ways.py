"""Where many fits are on their way down, and what they have learned there of the curvature."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.low_rank import Metric, two_loops
from hftranslate.likelihood.sizes import unwarned

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Steps and changes of the gradient that are remembered.
_MEMORY = 2
#: The least part of the EDM that the last step is taken to leave.
_LEFT = 0.1
#: How often a step is shortened before what was learned of the curvature is forgotten.
_DOUBTED = 2
#: The least and largest part of the last step that is taken back where bins are emptied.
_HASTE = (-5.0, 0.8)
#: Steps and changes of the gradient that are less parallel than this say nothing about the curvature.
_PARALLEL = 1e-12


@dataclass(slots=True, kw_only=True)
class Way:
    """Some fits on their way down: ``which`` they are, and for each of them where it is and what it does next.

    ``gradient`` and ``value`` are those at ``x``, ``held`` the parameters that stay at a bound, ``step`` the next one,
    of which ``length`` is taken, ``aim`` what it was before :meth:`hastened`, ``shortened`` how often that became less,
    ``edm`` what the step promises and ``before`` what the last one did, ``emptied`` whether it empties a bin, ``taken``
    how many there were, this one included.
    ``steps``, ``changes`` and ``inverses`` are the memory: the last steps, the changes of the gradient, and the inverse
    of their product (zero where they are to be forgotten).
    """

    which: Integers
    x: Floats
    value: Floats
    gradient: Floats
    held: Booleans
    step: Floats
    aim: Floats
    length: Floats
    shortened: Integers
    edm: Floats
    before: Floats
    emptied: Booleans
    taken: Integers
    steps: list[Floats]
    changes: list[Floats]
    inverses: list[Floats]

    def only(self, these: Booleans) -> "Way":
        """Some of them."""
        parts: dict[str, Any] = {name: getattr(self, name) for name in Way.__slots__}
        chosen: dict[str, Any] = {
            k: [a[these] for a in v] if isinstance(v, list) else v[these] for k, v in parts.items()
        }
        return Way(**chosen)

    def joined(self, fresh: "Way") -> "Way":
        """With others, which remember as much or nothing."""
        parts: dict[str, Any] = {}
        for name in Way.__slots__:
            mine, theirs = getattr(self, name), getattr(fresh, name)
            if isinstance(mine, list):
                theirs = theirs or [np.zeros((len(fresh.which), *a.shape[1:])) for a in mine]
                parts[name] = [np.concatenate(pair) for pair in zip(mine, theirs, strict=True)]
            else:
                parts[name] = np.concatenate([mine, theirs])
        return Way(**parts)

    @unwarned
    def left(self) -> Floats:
        """The error of the NLL that is left after the next step, by how much nearer the last one came.

        Where the steps leave a part ``p`` of the EDM, they know the Hessian to about ``sqrt(p)``, and the EDM as well.
        """
        part = np.where(self.emptied, 1.0, np.fmin(self.edm / self.before, 1.0))
        left: Floats = self.edm * np.maximum(np.sqrt(part), _LEFT)
        return left

    def learn(self, step: Floats, change: Floats, better: Booleans, held: Booleans) -> None:
        """Remember the last step, and forget all where other parameters are held now."""
        forget = (held != self.held).any(axis=1)
        step, change = np.where(held, 0.0, step), np.where(held, 0.0, change)
        product, size = dot(step, change), np.sqrt(dot(step, step) * dot(change, change))
        good = better & ~forget & (product > _PARALLEL * size)
        inverse = np.where(good, 1.0 / np.where(good, product, 1.0), 0.0)
        kept = [np.where(forget, 0.0, i) for i in self.inverses]
        self.steps = [*self.steps, step][-_MEMORY:]
        self.changes = [*self.changes, change][-_MEMORY:]
        self.inverses = [*kept, inverse][-_MEMORY:]

    def doubt(self) -> None:
        """Forget what fits have learned whose steps help as a small part of them only, and let them look anew there."""
        doubted = (self.shortened == _DOUBTED) & np.any(self.inverses, axis=0)
        for inverse in self.inverses:
            inverse[doubted] = 0.0
        self.step[doubted], self.value[doubted] = 0.0, np.inf
        self.taken[doubted] -= 1

    def hastened(self, rows: Integers, aim: Floats, held: Booleans) -> Floats:
        """Steps of some that empty bins, by what the last one changed of ``aim`` (Anderson, JACM 12 (1965) 547).

        What bends the edge of the domain is not in their metric: they would oscillate there, or creep along.
        """
        if not (rows.size and self.steps):
            return aim
        change = aim - self.aim[rows]
        part = dot(change, aim) / np.maximum(dot(change, change), 1e-300)
        ahead = aim - np.clip(part, *_HASTE)[:, None] * (self.steps[-1][rows] + change)
        return np.where(held, aim, ahead)

    def newton(self, metric: Metric, g: Floats) -> Floats:
        """The step of L-BFGS from a gradient, with a metric in place of its first matrix."""
        inverses = [inverse[:, None] for inverse in self.inverses]
        memory = list(zip(self.steps, self.changes, inverses, strict=True))
        return -two_loops(g, memory, metric.solve, lambda a, b: dot(a, b)[:, None])


def dot(a: Floats, b: Floats) -> Floats:
    """Scalar products of vectors ``(n, n_free)``, ``(n,)``."""
    product: Floats = np.einsum("ni,ni->n", a, b)
    return product
