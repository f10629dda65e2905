"""What is computed of a point of a scan, on whatever process."""

import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any, Literal, TypeAlias

from hftranslate.errors import InputError
from hftranslate.formats import pyhf_json
from hftranslate.formats.json_patch import patched
from hftranslate.inference.hypotest import (
    PoiRange,
    TestStat,
    hypotest,
)
from hftranslate.inference.limits import limits_of
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import Tester
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.templates import KnownTemplates, known_templates
from hftranslate.signal_grid.document import Patch, digest
from hftranslate.toys import ToyOptions, toy_limit, toy_test
from hftranslate.workspace import CONVENTIONS, Workspace

Json: TypeAlias = dict[str, Any]
What = Literal["cls", "limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """What is computed of every point, and how.

    Attributes
    ----------
    what
        ``"cls"``: CLs of ``test_poi``; ``"limit"``: the upper limit where CLs is ``level``.
    measurement
        its name; the first one by default.
    conventions
        ``"pyhf"`` or ``"root"``.
    toys
        how many, where p-values are computed by toys; each point makes its own, from the same seed.
    every_q
        whether every test statistic is kept, instead of counts: CLs by toys only.
    """

    what: What = "cls"
    measurement: str | None = None
    conventions: str = "pyhf"
    test_poi: float = 1.0
    level: float = 0.05
    test_stat: TestStat = "qtilde"
    poi_range: PoiRange = "named"
    options: FitOptions = DEFAULT_OPTIONS
    toys: ToyOptions | None = None
    every_q: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise InputError(f"the level of a limit lies between 0 and 1, not {self.level}")
        if not isfinite(self.test_poi):
            raise InputError(f"the parameter of interest cannot be tested at {self.test_poi}")
        if self.every_q and (self.toys is None or self.what != "cls"):
            raise InputError("every test statistic is kept where CLs is computed by toys; say how many")


class Background:
    """A background-only workspace that many signals are put on: what they share is read and compiled once.

    It travels to other processes compressed, and each of them unpacks it once.
    """

    def __init__(self, document: Json) -> None:
        self.document = document

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document as pyhf computes it."""
        return digest(self.document)

    @cached_property
    def workspace(self) -> Workspace:
        """The background, read."""
        return pyhf_json.from_document(self.document, "the background-only workspace")

    @cached_property
    def known(self) -> pyhf_json.KnownSamples:
        """What need not be read again of a patched document."""
        return pyhf_json.known_samples(self.document, self.workspace)

    @cached_property
    def templates(self) -> KnownTemplates:
        """What need not be compiled again of a patched workspace."""
        return known_templates(self.workspace)

    @cached_property
    def packed(self) -> bytes:
        """The document, to travel."""
        return _packed(self.document)

    def __reduce__(self) -> tuple[Callable[[str, bytes], "Background"], tuple[str, bytes]]:
        return _unpacked_once, (self.digest, self.packed)


_held: dict[str, Background] = {}


def _unpacked_once(key: str, packed: bytes) -> Background:
    """The background in a worker process: the same object for all tasks. Only the last one is held."""
    if key not in _held:
        _held.clear()
        _held[key] = Background(pickle.loads(zlib.decompress(packed)))
    return _held[key]


def _packed(value: object) -> bytes:
    return zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), 1)


class Packed:
    """A patch that is compressed when it travels: some are large, and a scheduler holds them all."""

    def __init__(self, patch: Patch) -> None:
        self.patch = patch

    def __reduce__(self) -> tuple[Callable[[bytes], "Packed"], tuple[bytes]]:
        return _unpacked, (_packed(self.patch),)


def _unpacked(packed: bytes) -> Packed:
    return Packed(pickle.loads(zlib.decompress(packed)))


def model_of(background: Background, patch: Patch, settings: ScanSettings) -> tuple[Model, Data]:
    """The model of a point and its data; what the patch leaves alone is neither read nor compiled again.

    Raises
    ------
    InputError
        The patch does not apply, or gives no valid model.
    """
    document = patched(background.document, patch.operations)
    workspace = pyhf_json.from_document(document, f"with patch {patch.name!r}", known=background.known)
    conventions = CONVENTIONS[settings.conventions]
    return compile_model(workspace, settings.measurement, conventions, known=background.templates)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointTask:
    """Computes one point on a background; travels to workers."""

    background: Background
    settings: ScanSettings

    def __call__(self, packed: Packed) -> Json:
        """The result of one point as plain JSON values.

        Raises
        ------
        InputError, FitFailed
            The patch does not apply, gives no valid model, or one of the fits fails.
        """
        settings = self.settings
        model, data = model_of(self.background, packed.patch, settings)
        how: Json = {"test_stat": settings.test_stat, "poi_range": settings.poi_range, "options": settings.options}
        if settings.toys is not None:
            how["toy_options"] = settings.toys
        if settings.what == "cls":
            test = hypotest if settings.toys is None else toy_test
            return test(model, data, settings.test_poi, **how).to_dict()
        if settings.toys is None:
            tester = Tester(model=model, data=data, **how)
            found = limits_of(tester, settings.level, tester.range[1], scan=False).to_dict()
        else:
            found = toy_limit(model, data, settings.level, **how).to_dict()
        return {key: value for key, value in found.items() if key not in ("scan", "poi")}
