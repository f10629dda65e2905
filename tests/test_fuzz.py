"""Damaged inputs: refused in one sentence, or read as what they say. Never another exception, a hang, or a wrong model.

How many examples there are is set by ``HFTRANSLATE_FUZZ``: a number by which the usual amount is multiplied.
"""

import json
import math
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyhf
import pytest
import uproot
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from hftranslate.difference import difference, proven
from hftranslate.errors import HFTranslateError
from hftranslate.formats import pyhf_json
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.root_histograms import HistogramFiles
from hftranslate.formats.schemas import violation
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load
from hftranslate.translation.write import to_pyhf_json, to_xml
from hftranslate.workspace import Workspace
from tests.conftest import REPOSITORY, shared_files, shared_folder
from tests.mutations import changed_documents, changed_xml, damaged
from tests.watchdog import watched

CASES = REPOSITORY / "validation" / "cases"
XML_CASES = ("demo", "staterror_external", "measurements", "paramsetting", "constraint_gamma", "shapesys_gaussian")
JSON_CASES = ("json_all_modifiers", "json_partial_lumi", "json_settings", "json_empty_bins")


def examples(n: int) -> settings:
    return settings(
        max_examples=math.ceil(n * float(os.environ.get("HFTRANSLATE_FUZZ", "1"))),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def says(error: HFTranslateError) -> None:
    """A refusal says something."""
    assert str(error).strip()


@contextmanager
def folder_with(files: dict[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        for file, data in files.items():
            (Path(name) / file).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / file).write_bytes(data)
        yield Path(name)


@cache
def xml_case(name: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((CASES / name).iterdir()) if p.is_file()}


def small_shared(pattern: str, size: int) -> list[Path]:
    """Shared files of at most so many bytes; none where they are absent."""
    found = [shared_folder() / name for name in shared_files(pattern)]
    return [p for p in found if p.stat().st_size < size]


@cache
def documents() -> list[Any]:
    found = [json.loads(p.read_bytes()) for name in JSON_CASES for p in sorted((CASES / name).glob("*.json"))]
    return [*found, *(json.loads(p.read_bytes()) for p in small_shared("workspaces/**/*.json", 8_000))]


def read_xml(files: dict[str, bytes], **options: Any) -> Workspace | None:
    with folder_with(files) as folder:
        driver = folder / _driver(files)
        try:
            return load(driver, xml=XmlOptions(basedir=folder, **options)).workspace
        except HFTranslateError as error:
            event(type(error).__name__)
            says(error)
            return None


def _driver(files: dict[str, bytes]) -> str:
    return next(n for n in files if n.endswith(".xml") and n in ("model.xml", "demo.xml"))


def goes_through(workspace: Workspace) -> None:
    """Everything that is done with a workspace works, or says why not."""
    event("read")
    possible = [evaluates(workspace, measurement.name) for measurement in workspace.measurements]
    for translate in (to_pyhf_json, to_xml):
        try:
            translation = translate(workspace, measure=False)
        except HFTranslateError as error:
            says(error)
            continue
        if translate is to_pyhf_json and all(possible) and not any(o.kind == "loss" for o in translation.outcomes):
            found = difference(workspace, pyhf_json.from_document(translation.document))
            assert proven(workspace, found), found


def evaluates(workspace: Workspace, measurement: str) -> bool:
    """Whether a measurement can be evaluated at its initial point; what can is fitted."""
    try:
        model, data = compile_model(workspace, measurement)
    except HFTranslateError as error:
        says(error)
        return False
    nominal = model.logpdf(model.parameters.init, data)
    assert not math.isnan(nominal)
    try:
        assert math.isfinite(fit(model, data).nll)
    except HFTranslateError as error:
        says(error)
    return math.isfinite(nominal)


# ---------------------------------------------------------------------------------------------------------------- JSON
@examples(150)
@given(changed_documents(documents()))
def test_json_documents(document: Any) -> None:
    with watched():
        try:
            workspace = pyhf_json.from_document(document)
        except HFTranslateError as error:
            says(error)
            return
        assert violation(document, "workspace") is None
        goes_through(workspace)


@examples(60)
@given(changed_documents(documents()))
def test_json_documents_mean_what_pyhf_computes(document: Any) -> None:
    try:
        model, data = compile_model(pyhf_json.from_document(document))
        found = model.logpdf(model.parameters.init, data)
    except HFTranslateError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = pyhf.Workspace(document)
            model_of_pyhf = theirs.model()
            expected = float(model_of_pyhf.logpdf(model_of_pyhf.config.suggested_init(), theirs.data(model_of_pyhf))[0])
        except Exception:
            event("pyhf refuses")
            return
    if math.isfinite(found) and math.isfinite(expected):
        event("compared")
        # pyhf subtracts n log(n), n and log(n!) of auxiliary counts from each other: rounding is of their size
        counts = [n for n in theirs.data(model_of_pyhf) if n > 1.0]
        rounding = sys.float_info.epsilon * sum(n * math.log(n) for n in counts)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 + 4.0 * rounding)


@examples(150)
@given(damaged([json.dumps(d).encode() for d in documents()], 2))
def test_json_bytes(pair: tuple[bytes, bytes]) -> None:
    with watched(), folder_with({"workspace.json": pair[1]}) as folder:
        try:
            loaded = load(folder / "workspace.json")
        except HFTranslateError as error:
            says(error)
            return
        goes_through(loaded.workspace)


@given(st.data())
@examples(30)
def test_a_truncated_json_document_is_refused(data: st.DataObject) -> None:
    whole = json.dumps(data.draw(st.sampled_from(documents()))).encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with folder_with({"workspace.json": whole[:cut]}) as folder, pytest.raises(HFTranslateError):
        load(folder / "workspace.json")


# ----------------------------------------------------------------------------------------------------------------- XML
@examples(120)
@given(st.data())
def test_xml_documents(data: st.DataObject) -> None:
    files = dict(xml_case(data.draw(st.sampled_from(XML_CASES))))
    name = data.draw(st.sampled_from(sorted(n for n in files if n.endswith(".xml"))))
    files[name] = data.draw(changed_xml([files[name]]))
    with watched():
        workspace = read_xml(files)
        if workspace is not None:
            goes_through(workspace)


@examples(120)
@given(st.data())
def test_xml_bytes(data: st.DataObject) -> None:
    files = dict(xml_case(data.draw(st.sampled_from(XML_CASES))))
    name = data.draw(st.sampled_from(sorted(n for n in files if n.endswith(".xml"))))
    _, files[name] = data.draw(damaged([files[name]], 2))
    with watched():
        workspace = read_xml(files, confine=data.draw(st.booleans()))
        if workspace is not None:
            goes_through(workspace)


# ---------------------------------------------------------------------------------------------------------------- ROOT
@cache
def root_files() -> list[bytes]:
    """Our own, and where they are there, files of other versions of ROOT with other compressions."""
    found = [p for name in XML_CASES for p in sorted((CASES / name).glob("*.root"))]
    found += small_shared("xml/**/*.root", 60_000)
    return list({p.read_bytes(): None for p in found})


def read_all(path: Path, *, trusted: bool = True) -> dict[str, Any]:
    """Every histogram of a file that can be read; nothing where the file cannot."""
    found: dict[str, Any] = {}
    with HistogramFiles(trusted=trusted) as files:
        for directory, name in names_in(path):
            try:
                found[f"{directory}/{name}"] = files.get(path, directory, name)
            except HFTranslateError as error:
                event(type(error).__name__)
                says(error)
    return found


@cache
def names_of(data: bytes) -> tuple[tuple[str, str], ...]:
    with folder_with({"data.root": data}) as folder, uproot.open(folder / "data.root") as file:
        keys = file.keys(recursive=True, cycle=False, filter_classname="TH*")
    return tuple((key.rpartition("/")[0], key.rpartition("/")[2]) for key in keys)


_names: dict[str, tuple[tuple[str, str], ...]] = {}


def names_in(path: Path) -> tuple[tuple[str, str], ...]:
    return _names[path.parent.name]


@contextmanager
def root_file(original: bytes, data: bytes) -> Iterator[Path]:
    """The changed file, which is asked for all that was in the original."""
    with folder_with({"data.root": data}) as folder:
        _names[folder.name] = names_of(original)[:20]
        yield folder / "data.root"
        del _names[folder.name]


@examples(250)
@given(damaged(root_files()), st.booleans())
def test_root_bytes(pair: tuple[bytes, bytes], trusted: bool) -> None:
    with watched(), root_file(*pair) as path:
        found = read_all(path, trusted=trusted)
        for name, histogram in found.items():
            event("read")
            other = by_uproot(path, name)
            if other is not None:
                assert list(histogram.contents) == other


def by_uproot(path: Path, name: str) -> list[float] | None:
    """What uproot finds there, if it finds anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with uproot.open(path, num_fallback_workers=1) as file:
                contents = file[name.strip("/")].values().T.ravel().tolist()
        except Exception:
            return None
    return contents


@examples(60)
@given(st.data())
def test_a_truncated_root_file_is_refused_or_reads_the_same(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(root_files()))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with root_file(whole, whole) as path:
        expected = read_all(path)
    with watched(), root_file(whole, whole[:cut]) as path:
        for name, histogram in read_all(path).items():
            assert histogram == expected[name]
