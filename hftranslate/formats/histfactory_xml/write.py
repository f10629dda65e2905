"""A Workspace to HistFactory XML on disk, and back from memory."""

import re
import secrets
import sys
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from hftranslate.errors import Unsupported
from hftranslate.formats.files import REPLACES, FileStep, write_together
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.histfactory_xml.options import HISTOGRAMS, XmlOptions
from hftranslate.formats.histfactory_xml.parse import DTD_NAME, dtd_bytes, parse
from hftranslate.formats.histfactory_xml.read import interpret
from hftranslate.formats.histfactory_xml.render import XmlModel, render
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, Version, version_text
from hftranslate.formats.histfactory_xml.sources import MemorySource
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.root_histograms import write_histograms
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
    """Write a rendered model into a folder; at any moment the driver there is the old one or the new one, whole.

    Parameters
    ----------
    model
        documents and histograms.
    directory
        the folder; it is made where it is not there.

    Raises
    ------
    Unsupported
        The folder holds another model, whose files would be replaced.
    InputError
        A file cannot be written.
    """
    write_together(steps(model, Path(directory)), {})


def steps(model: XmlModel, target: Path) -> list[FileStep]:
    """What to write, in this order, so that the driver in a folder never leads to files of another model.

    Where there is a driver already, one that leads to copies of the new files takes its place until they, too, are in
    theirs. What is left of the copies of a killed run goes in the end.

    Parameters
    ----------
    model
        documents and histograms.
    target
        the folder that they go into.

    Returns
    -------
    list
        paths and contents; content ``None`` removes what is there.

    Raises
    ------
    Unsupported
        The place is no folder, or it holds another model as well, whose files would be replaced.
    """
    if target.exists() and not target.is_dir():
        raise Unsupported(f"{target} is a file; expected a folder to write into")
    driver = target / model.driver
    files = _files(model)
    _spare_others(files, driver)
    own: list[FileStep] = [(target / path, data) for path, data in files.items() if path != model.driver]
    own.append((driver, files[model.driver]))
    if not driver.exists():
        return own
    copies = f".{model.driver}-{secrets.token_hex(4)}"
    left = [path for path in target.iterdir() if _is_copies(path.name, model.driver)]
    meanwhile: list[FileStep] = [
        (target / copies / path, _leading_into(copies, data)) for path, data in files.items() if path != model.driver
    ]
    meanwhile.append((driver, _leading_into(copies, files[model.driver])))
    return [*meanwhile, *own, *((path, None) for path in (*left, target / copies))]


def _files(model: XmlModel) -> dict[str, bytes]:
    """All files of a model by their paths below its folder."""
    histograms = BytesIO()
    write_histograms(histograms, model.histograms)
    dtd = dtd_bytes(model.root_version)
    return {
        **model.documents,
        **{str(Path(path).with_name(DTD_NAME)): dtd for path in model.documents},
        HISTOGRAMS: histograms.getvalue(),
    }


def _spare_others(files: Mapping[str, bytes], driver: Path) -> None:
    """Refuse to replace what another driver in the same folder leads to."""
    others = [p for p in sorted(driver.parent.glob("*.xml")) if p.name != driver.name and p.is_file()]
    others = [p for p in others if b"<Combination" in p.read_bytes()]
    if not others:
        return
    for path, data in files.items():
        place = driver.parent / path
        if path == driver.name or place.name == DTD_NAME or not place.is_file():
            continue
        sys.audit(REPLACES, str(place))
        if place.read_bytes() != data:
            raise Unsupported(
                f"{driver.parent} holds another model, {others[0].name}, whose file {path} would be replaced; "
                "write into another folder"
            )


def _leading_into(folder: str, document: bytes) -> bytes:
    """A document as :func:`render` makes it, where the files that it names lie in a folder.

    What is replaced stands nowhere else: quotes and brackets in names are escaped.
    """
    if b"<Input>" not in document:
        return document.replace(b' InputFile="./', f' InputFile="./{folder}/'.encode(), 1)
    moved = document.replace(b' SYSTEM "', f' SYSTEM "{folder}/'.encode(), 1)
    return moved.replace(b"<Input>./", f"<Input>./{folder}/".encode())


def _is_copies(name: str, driver: str) -> bool:
    return re.fullmatch(re.escape(f".{driver}-") + "[0-9a-f]{8}", name) is not None


def read_back(model: XmlModel) -> tuple[Workspace, tuple[Outcome, ...]]:
    """What a reader makes of a rendered model, without touching the disk.

    Parameters
    ----------
    model
        documents and histograms.

    Returns
    -------
    Workspace, tuple of Outcome
        what it means, and what did not pass unchanged.

    Raises
    ------
    InputError
        The documents describe no valid model.
    """
    notes = Notes(model.root_version)
    driver = parse(model.documents[model.driver], model.driver, "Combination", notes)
    options = XmlOptions(root_version=version_text(model.root_version))
    workspace = interpret(driver, MemorySource(model.documents, model.histograms, notes), notes, options)
    return workspace, notes.outcomes()
