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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hftranslate.crosschecking.document import Results, read_results
from hftranslate.crosschecking.variants import lumi_carriers
from hftranslate.errors import MissingInput, RootFailed
from hftranslate.formats import which_format
from hftranslate.formats.documents import dump_json, read_bytes
from hftranslate.formats.patched import patched_document
from hftranslate.translate import to_xml, write_xml
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
    """The file of a model: what it is patched with, and what paths in XML are relative to."""

    path: Path
    patches: tuple[Path, ...] = ()
    basedir: Path | None = None


def find_root(python: str | None = None) -> RootInstallation:
    """The ROOT to use: that of the given Python, of ``$ROOT_PYTHON``, of this Python, or of the one on the PATH.

    Raises
    ------
    RootFailed
        None of them can import ROOT.
    """
    tried = [python] if python else [p for p in (os.environ.get("ROOT_PYTHON"), sys.executable, "python3") if p]
    for candidate in dict.fromkeys(tried):
        if _imports_root(candidate):
            return RootInstallation(python=candidate, hist2workspace=shutil.which("hist2workspace"))
    raise RootFailed(
        f"no ROOT: {' and '.join(dict.fromkeys(tried))} cannot import it; install it (pip install 'hftranslate[root]') "
        "or name a Python that has it (--root-python, or ROOT_PYTHON in the environment)"
    )


def _imports_root(python: str) -> bool:
    try:
        done = subprocess.run([python, "-c", "import ROOT"], capture_output=True, check=False)
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
    measurement
        which one; the first by default.

    Raises
    ------
    RootFailed
        ROOT could not evaluate the model; the message ends with what it printed.
    Unsupported
        XML has no word for a part of the model.
    """
    chosen = workspace.measurement(measurement)
    with tempfile.TemporaryDirectory(prefix="hftranslate-root-") as folder:
        target = Path(folder) / "reference.json"
        inputs = [str(p) for p in (source.path, *source.patches)]
        if installation.hist2workspace is not None:
            arguments = _by_hist2workspace(installation.hist2workspace, workspace, chosen, Path(folder))
        else:
            arguments = _by_description(source, chosen, Path(folder))
        script = str(scripts() / "of_file.py")
        command = [installation.python, script, *arguments, "--inputs", *inputs, "-o", str(target)]
        _run(command, Path.cwd(), progress)
        return read_results(target)


def scripts() -> Path:
    """Where the scripts are that drive ROOT: in the installed package, or in the repository.

    Raises
    ------
    MissingInput
        They were not installed.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "make_reference", package.parents[1] / "validation" / "make_reference"):
        if (folder / "of_file.py").is_file():
            return folder
    raise MissingInput("the scripts that drive ROOT are not installed beside the package")


# ---------------------------------------------------------------------------------------------- how ROOT gets the model
def _by_description(source: Source, measurement: Measurement, folder: Path) -> list[str]:
    data = read_bytes(source.path)
    chosen = ["--measurement", measurement.name]
    if which_format(data, str(source.path)) == "xml":
        basedir = source.basedir or _basedir(source.path, data)
        return [str(source.path.resolve()), "--kind", "xml", "--basedir", str(basedir), *chosen]
    document, _ = patched_document(data, str(source.path), source.patches)
    path = folder / f"{source.path.name.split('.')[0]}.json"
    path.write_text(dump_json(document), encoding="utf-8")
    return [str(path), "--kind", "pyhf-json", *chosen]


def _basedir(driver: Path, data: bytes) -> Path:
    """The working directory, as for ROOT, if the XML's inputs are found from there; else the folder of the XML.

    Or the folder above it from where they are found, which reading took, too.
    """
    inputs = [os.fsdecode(text.strip()) for text in re.findall(rb"<Input>([^<]*)</Input>", data)]
    folders = (Path(), driver.parent, *driver.resolve().parents)
    return next((f for f in folders if all((f / text).is_file() for text in inputs)), driver.parent)


def _by_hist2workspace(tool: str, workspace: Workspace, measurement: Measurement, folder: Path) -> list[str]:
    write_xml(to_xml(workspace, prefix=_PREFIX, measure=False), folder, sidecar=False)
    _run([tool, f"{_PREFIX}.xml"], folder, lambda line: None)
    made = sorted(_combined(folder, measurement.name))
    if not made:
        raise RootFailed(f"hist2workspace made no combined workspace of the measurement {measurement.name!r}")
    arguments = [str(made[0]), "--kind", "workspace", "--name", measurement.name]
    carriers, samples = lumi_carriers(workspace)
    lumi = measurement.parameter("lumi")
    if 0 < carriers < samples and lumi.auxdata and lumi.sigmas:
        arguments += ["--lumi-function", repr(float(lumi.auxdata[0])), repr(float(lumi.sigmas[0]))]
    return arguments


def _combined(folder: Path, measurement: str) -> Iterator[Path]:
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
