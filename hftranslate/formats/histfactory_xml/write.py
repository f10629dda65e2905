"""A Workspace to HistFactory XML on disk, and back from memory."""

import os
import shutil
import tempfile
from pathlib import Path

from hftranslate.errors import Unsupported
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.histfactory_xml.parse import DTD_NAME, dtd_bytes, parse
from hftranslate.formats.histfactory_xml.read import interpret
from hftranslate.formats.histfactory_xml.render import HISTOGRAMS, XmlModel, render
from hftranslate.formats.histfactory_xml.sources import MemorySource, XmlOptions
from hftranslate.formats.root_histograms import write_histograms
from hftranslate.outcomes import Outcome
from hftranslate.root_versions import MEASURED, Version, version_text
from hftranslate.workspace import Workspace


def write(
    workspace: Workspace, directory: str | Path, prefix: str = "FitConfig", root_version: Version = MEASURED
) -> None:
    """Write ``PREFIX.xml``, ``config/*.xml``, ``data/data.root`` and the DTD into a folder.

    All paths inside are relative to that folder, from which ROOT has to be started. The same model gives the same
    bytes.

    Parameters
    ----------
    workspace
        a model that XML can say.
    directory
        made where it does not exist; files of the same names are replaced.
    prefix
        name of the driver without ``.xml``.
    root_version
        the version of ROOT that is to read it.

    Raises
    ------
    Unsupported
        XML has no word for a part of the model; nothing is written then.
    """
    write_model(render(workspace, prefix, root_version), directory)


def write_model(model: XmlModel, directory: str | Path) -> None:
    """Write a rendered model; complete, or not at all."""
    target = Path(directory)
    if target.exists() and not target.is_dir():
        raise Unsupported(f"{target} is a file; expected a folder to write into")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        contents = dict(model.documents)
        contents |= {str(Path(path).with_name(DTD_NAME)): dtd_bytes(model.root_version) for path in model.documents}
        for path, data in contents.items():
            (temporary / path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / path).write_bytes(data)
        (temporary / HISTOGRAMS).parent.mkdir(parents=True, exist_ok=True)
        write_histograms(temporary / HISTOGRAMS, model.histograms)
        for path in [*contents, HISTOGRAMS]:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary / path, target / path)
    finally:
        shutil.rmtree(temporary)


def read_back(model: XmlModel) -> tuple[Workspace, tuple[Outcome, ...]]:
    """What a reader makes of a rendered model, without touching the disk."""
    notes = Notes(model.root_version)
    driver = parse(model.documents[model.driver], model.driver, "Combination", notes)
    options = XmlOptions(root_version=version_text(model.root_version))
    workspace = interpret(driver, MemorySource(model.documents, model.histograms, notes), notes, options)
    return workspace, notes.outcomes()
