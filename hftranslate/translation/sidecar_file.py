"""The file of a sidecar: where it lies, whose it is, and when it is written."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from hftranslate.errors import FormatError, MissingInput, Unsupported
from hftranslate.formats import FormatName
from hftranslate.formats.files import FileStep
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes
from hftranslate.workspace import Workspace


def sidecar_path(path: str | Path) -> Path:
    """Where the sidecar of a file lies: ``ws.histfactory.json`` beside ``ws.json``, ``ws.json.gz`` or ``ws.xml``.

    Parameters
    ----------
    path
        of the file itself.

    Returns
    -------
    Path
        in the same folder.
    """
    p = Path(path)
    name = p.name.removesuffix(".gz")
    return p.with_name(f"{Path(name).stem}.histfactory.json")


def _slot(format: FormatName) -> str:
    """Whose sidecar it is: that of the file of one ending, which is either pyhf JSON or HS3."""
    return "pyhf-json" if format == "hs3" else format


def sidecar_of(format: FormatName, document: object) -> object:
    """The sidecar of ``NAME.json`` or that of ``NAME.xml``; both lie in ``NAME.histfactory.json``."""
    slot = _slot(format)
    if not isinstance(document, dict) or document.get("of", slot) == slot:
        return document
    other: object = document.get("other")
    return other


def apply_matching(plain: Workspace, sidecar: object) -> Workspace:
    """What a sidecar restores, or one that it came after: it is written before its document."""
    from hftranslate.translation.sidecar import SidecarMismatch, apply_sidecar

    try:
        return apply_sidecar(plain, sidecar)
    except SidecarMismatch:
        former = sidecar.get("former") if isinstance(sidecar, dict) else None
        for one in former if isinstance(former, list) else []:
            with suppress(SidecarMismatch):
                return apply_sidecar(plain, one)
        raise


def sidecar_steps(
    sidecar: dict[str, Any], format: FormatName, path: Path | None
) -> tuple[list[FileStep], list[FileStep]]:
    """What is written before and after the document of a sidecar takes its place.

    In between the sidecar fits both the old document and the new one. It always holds the one for the other format,
    which may lie at the same place.
    """
    if path is None:
        return [], []
    slot = _slot(format)
    document = {**sidecar, "of": slot}
    former: list[object] = []
    if (present := _present_sidecar(path, sidecar["format"])) is not None:
        own: object
        other: object
        own, other = present, present.get("other")
        if present.get("of", slot) != slot:
            own, other = other, present
        if isinstance(own, dict):
            plain = {key: value for key, value in own.items() if key not in ("other", "former")}
            former = [plain] if dump_json(plain) != dump_json(document) else []
            former += kept if isinstance(kept := own.get("former"), list) else []
        if isinstance(other, dict):
            document["other"] = {key: value for key, value in other.items() if key != "other"}
    last: list[FileStep] = [(path, dump_json(document))]
    return ([(path, dump_json({**document, "former": former}))], last) if former else (last, [])


def _present_sidecar(path: Path, format: str) -> dict[str, Any] | None:
    """The sidecar that lies where one is to be written.

    Raises
    ------
    Unsupported
        Something else lies there.
    """
    try:
        present = parse_json(read_bytes(path), str(path))
    except MissingInput:
        if path.is_dir():
            raise
        return None
    except FormatError:
        present = None
    if not isinstance(present, dict) or present.get("format") != format:
        raise Unsupported(f"{path} would be replaced by a sidecar, but it is not one; move it or name another")
    return present
