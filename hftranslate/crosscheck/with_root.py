"""A reference of one's own model, made by the ROOT that is installed.

With a full ROOT on the PATH the model goes through our XML and ROOT's ``hist2workspace``, as an analysis would do it.
Where only ROOT's Python wheel is there, which has no XML parser, the file is described to the HistFactory classes by
scripts that share nothing with our translators. Either way ROOT evaluates the model in a process of its own.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hftranslate.crosscheck.admission import check_confined, check_hs3, check_json, check_xml
from hftranslate.crosscheck.document import InputFile, Results, read_results
from hftranslate.crosscheck.shipped import beside_package
from hftranslate.crosscheck.variants import lumi_carriers
from hftranslate.errors import RootFailed, Unsupported
from hftranslate.formats import which_format
from hftranslate.formats.files import naming
from hftranslate.formats.histfactory_xml.grammar import Node, Notes
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.histfactory_xml.parse import parse
from hftranslate.formats.histfactory_xml.read import interpret
from hftranslate.formats.histfactory_xml.sources import FileSource
from hftranslate.formats.hs3 import MISREAD
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes
from hftranslate.formats.patched import patched_document
from hftranslate.formats.rewriting import listed
from hftranslate.formats.root_histograms import HistogramFiles
from hftranslate.translation.write import to_xml, write_xml
from hftranslate.workspace import Measurement, Workspace

#: Takes the lines that the scripts print while they work.
Progress = Callable[[str], None]
_PREFIX = "FitConfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootInstallation:
    """A Python that can import ROOT, and the ``hist2workspace`` on the PATH, if there is one."""

    python: str
    hist2workspace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file of a model: what it is patched with, what paths in XML are relative to, and whether they may leave."""

    path: Path
    patches: tuple[Path, ...] = ()
    basedir: Path | None = None
    confine: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """The file and its patches."""
        return (self.path, *self.patches)


def find_root(python: str | None = None) -> RootInstallation:
    """The ROOT to use: that of the given Python, of ``$ROOT_PYTHON``, of this Python, or of the one on the PATH.

    Parameters
    ----------
    python
        the path of an interpreter: then no other is asked.

    Returns
    -------
    RootInstallation
        the interpreter that can import ROOT, and ROOT's version.

    Raises
    ------
    RootFailed
        None of them can import ROOT.
    """
    tried = [python] if python else [p for p in (os.environ.get("ROOT_PYTHON"), sys.executable, "python3") if p]
    for candidate in dict.fromkeys(tried):
        found = shutil.which(candidate)
        if found is not None and _imports_root(os.path.abspath(found)):
            return RootInstallation(python=os.path.abspath(found), hist2workspace=shutil.which("hist2workspace"))
    raise RootFailed(
        f"no ROOT: {' and '.join(dict.fromkeys(tried))} cannot import it; install it (pip install 'hftranslate[root]') "
        "or name a Python that has it (--root-python, or ROOT_PYTHON in the environment)"
    )


def _imports_root(python: str) -> bool:
    try:
        with _scratch() as folder:
            done = subprocess.run([python, "-c", "import ROOT"], capture_output=True, check=False, cwd=folder)
    except OSError:
        return False
    return done.returncode == 0


def root_results(
    source: Source,
    workspace: Workspace,
    installation: RootInstallation,
    *,
    measurement: str | None = None,
    progress: Progress = lambda line: None,
) -> Results:
    """What ROOT says about a model.

    Parameters
    ----------
    source
        the file of the model.
    workspace
        the model as we read it, which is written as XML for ``hist2workspace``.
    installation
        which ROOT, by :func:`find_root`.
    measurement
        which one; the first by default.
    progress
        is told each line that ROOT's process prints about its steps.

    Returns
    -------
    Results
        ROOT's result document.

    Raises
    ------
    RootFailed
        ROOT could not evaluate the model; the message ends with what it printed.
    UnsafeInput
        The model says something that ROOT might execute; it was not started.
    Unsupported
        XML has no word for a part of the model.
    """
    chosen = workspace.measurement(measurement)
    with _scratch() as folder:
        target = folder / "reference.json"
        if installation.hist2workspace is not None:
            arguments = _by_hist2workspace(installation.hist2workspace, workspace, chosen, folder)
        else:
            arguments = [*_by_description(source, chosen, folder), "--name", chosen.name]
        script = str(scripts() / "of_file.py")
        try:
            _run([installation.python, script, *arguments, "-o", str(target)], folder, progress)
        except RootFailed as error:
            misread = () if installation.hist2workspace else misread_in_root(workspace)
            if not misread:
                raise
            raise RootFailed(f"{misread_sentence(misread)}: {MISREAD_ADVICE}. {error}") from error
        found = read_results(target)
    inputs = tuple(InputFile(path=str(p), sha256=sha256(p.read_bytes()).hexdigest()) for p in source.files)
    return replace(found, provenance=replace(found.provenance, inputs=inputs))


#: What helps where ROOT reads an HS3 document otherwise than it stands there.
MISREAD_ADVICE = "give ROOT what hftranslate convert FILE OUT.hs3.json makes of it, which it reads right"


def misread_in_root(workspace: Workspace) -> tuple[str, ...]:
    """The channels whose Gaussian StatErrors ROOT's importer of HS3 takes for Poisson ones."""
    return tuple(c.name for c in workspace.channels if MISREAD in dict(c.annotations))


def misread_sentence(channels: Sequence[str]) -> str:
    """What ROOT's importer does with the StatErrors of these channels."""
    return f"ROOT's importer takes the Gaussian StatErrors of {listed(channels)} for Poisson ones"


@contextmanager
def _scratch() -> Iterator[Path]:
    """An empty folder for ROOT to start in: where it starts it obeys ``.rootrc`` and loads modules and libraries."""
    with tempfile.TemporaryDirectory(prefix="hftranslate-root-") as folder:
        yield Path(folder)


def root_pair(
    original: Source,
    translation: Source,
    measurements: tuple[Measurement, Measurement],
    names: Mapping[str, str],
    installation: RootInstallation,
    *,
    progress: Progress = lambda line: None,
) -> dict[str, Any]:
    """What ROOT says about a model and its translation at common points (see ``of_pair.py``).

    Parameters
    ----------
    measurements
        which one of each.
    names
        what ROOT calls parameters of the first in the second, where that differs.

    Raises
    ------
    RootFailed
        ROOT could not evaluate one of them; the message ends with what it printed.
    UnsafeInput
        One of them says something that ROOT might execute; it was not started.
    """
    with _scratch() as folder:
        sides = []
        for side, source, measurement in zip("ab", (original, translation), measurements, strict=True):
            own = folder / side
            own.mkdir()
            sides.append(_by_description(source, measurement, own))
        target, told = folder / "pair.json", folder / "names.json"
        with naming(told):
            told.write_text(dump_json(dict(names)), encoding="utf-8")
        script = str(scripts() / "of_pair.py")
        command = [installation.python, script, "-o", str(target), "--names", str(told), *sides[0], "--against"]
        _run([*command, *sides[1]], folder, progress)
        found: Any = parse_json(target.read_bytes(), "what ROOT says")
        return dict(found)


def run_script(
    installation: RootInstallation, name: str, arguments: Sequence[str], progress: Progress = lambda line: None
) -> bytes:
    """What a script that drives ROOT writes into the file that it is given with ``-o``.

    Raises
    ------
    RootFailed
        It failed; the message ends with what it printed.
    """
    with _scratch() as folder:
        target = folder / "found"
        _run([installation.python, str(scripts() / name), *arguments, "-o", str(target)], folder, progress)
        return target.read_bytes()


def scripts() -> Path:
    """Where the scripts are that drive ROOT: in the installed package, or in the repository.

    Raises
    ------
    MissingInput
        They were not installed.
    """
    return beside_package("make_reference", "validation/make_reference")


# ---------------------------------------------------------------------------------------------- how ROOT gets the model
def _by_description(source: Source, measurement: Measurement, folder: Path) -> list[str]:
    """The arguments for a model that scripts describe: what is judged here is what they read, not the files again."""
    data = read_bytes(source.path)
    chosen = ["--measurement", measurement.name]
    found = which_format(data, str(source.path))
    if found == "root":
        raise Unsupported(
            f"{source.path} is a ROOT file, which may hold code that ROOT would run; ask about the XML that "
            "hftranslate json2xml makes of it"
        )
    if found == "xml":
        basedir = source.basedir or _basedir(source.path, data)
        driver = _copied_xml(source, data, basedir, folder)
        return [str(driver), "--kind", "xml", "--basedir", str(basedir.resolve()), *chosen]
    document: Any = patched_document(data, str(source.path), source.patches)[0]
    path = folder / f"{source.path.name.split('.')[0]}.json"
    if found == "hs3":
        check_hs3(document)
        document = {**document, "metadata": {"hs3_version": str(document["metadata"]["hs3_version"])}}
        arguments = ["--kind", "hs3", *chosen]
    else:
        check_json(document)
        arguments = ["--kind", "pyhf-json", *chosen]
    with naming(path):
        path.write_text(dump_json(document), encoding="utf-8")
    return [str(path), *arguments]


def _copied_xml(source: Source, data: bytes, basedir: Path, folder: Path) -> Path:
    """Copies of a driver and its channels as our parser sees them, judged; histograms stay where they are."""
    notes, driver, options = Notes(), source.path, XmlOptions(basedir=basedir)
    parsed = parse(data, str(driver), "Combination", notes)
    channels = []
    for node in parsed.all("Input"):
        path = basedir / node.text.strip()
        channels.append(parse(read_bytes(path), str(path), "Channel", notes))
    check_xml([parsed, *channels])
    if source.confine:
        check_confined([parsed, *channels], basedir, (driver.parent, source.basedir or driver.parent))
    with HistogramFiles(plain=True) as histograms:  # all that ROOT will read
        interpret(parsed, FileSource(driver, options, notes, histograms), notes, options)
    root = _element(parsed)
    root.attrib.pop("OutputFilePrefix", None)  # nothing is written there
    for i, (element, channel) in enumerate(zip(root.iter("Input"), channels, strict=True)):
        element.text = str(folder / f"channel_{i}.xml")
        with naming(Path(element.text)):
            ElementTree.ElementTree(_element(channel)).write(element.text, encoding="utf-8")
    copy = folder / f"{driver.stem}.xml"
    with naming(copy):
        ElementTree.ElementTree(root).write(copy, encoding="utf-8")
    return copy


def _element(node: Node) -> ElementTree.Element:
    element = ElementTree.Element(node.tag, dict(node.attributes))
    element.text = node.text
    element.extend(map(_element, node.children))
    return element


def _basedir(driver: Path, data: bytes) -> Path:
    """The working directory, as for ROOT, if the XML's inputs are found from there; else the folder of the XML.

    Or the folder above it from where they are found, which reading took, too.
    """
    inputs = [os.fsdecode(text.strip()) for text in re.findall(rb"<Input>([^<]*)</Input>", data)]
    folders = (Path(), driver.parent, *driver.resolve().parents)
    return next((f for f in folders if all((f / text).is_file() for text in inputs)), driver.parent)


def _by_hist2workspace(tool: str, workspace: Workspace, measurement: Measurement, folder: Path) -> list[str]:
    # the prefix of the model's own output files may lead anywhere
    translation = to_xml(replace(workspace, annotations=()), prefix=_PREFIX, measure=False)
    notes, model = Notes(), translation.model
    kinds = {path: "Combination" if path == model.driver else "Channel" for path in model.documents}
    check_xml(parse(data, path, kinds[path], notes) for path, data in model.documents.items())
    write_xml(translation, folder, sidecar=False)
    _run([tool, f"{_PREFIX}.xml"], folder, lambda line: None)
    made = sorted(_workspace_files(folder, measurement.name))
    if not made:
        raise RootFailed(f"hist2workspace made no combined workspace of the measurement {measurement.name!r}")
    arguments = [str(made[0]), "--kind", "workspace", "--name", measurement.name]
    carriers, samples = lumi_carriers(workspace)
    lumi = measurement.parameter("lumi")
    if 0 < carriers < samples and lumi.auxdata and lumi.sigmas:
        arguments += ["--lumi-function", repr(float(lumi.auxdata[0])), repr(float(lumi.sigmas[0]))]
    return arguments


def _workspace_files(folder: Path, measurement: str) -> Iterator[Path]:
    for path in folder.rglob("*.root"):
        if path.name.endswith(f"_combined_{measurement}_model.root"):
            yield path


def _run(command: Sequence[str], folder: Path, progress: Progress) -> None:
    """Run a program, passing on what it prints to standard error line by line."""
    printed: list[str] = []
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            printed.append(line.rstrip())
            progress(printed[-1])
    if process.returncode != 0:
        last = " | ".join(line for line in printed[-3:] if line)
        raise RootFailed(f"{Path(command[0]).name} ended with status {process.returncode}: {last or 'no message'}")
