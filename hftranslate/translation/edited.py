"""Files whose workspace is edited, and with it what the sidecar beside one restores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hftranslate.editing import consequences
from hftranslate.errors import InputError
from hftranslate.formats.files import Content
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.outcomes import Outcome
from hftranslate.translation.as_json import as_json
from hftranslate.translation.load import load, restore
from hftranslate.translation.sidecar import make_sidecar
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.write import JsonTranslation, to_xml, write_json, write_xml
from hftranslate.workspace import Workspace

Edit = Callable[[Workspace], Workspace]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An edited workspace, and the original that a sidecar restores, edited likewise.

    Attributes
    ----------
    with_sidecar
        whether there is something for a sidecar of the result.
    outcomes
        what did not pass unchanged when it was read.
    """

    workspace: Workspace
    original: Workspace | None = None
    with_sidecar: bool = False
    outcomes: tuple[Outcome, ...] = ()

    def by(self, edit: Edit) -> tuple["Edited", tuple[str, ...]]:
        """Both workspaces changed by a function, and what should be known about that, in sentences."""
        workspace, original = edit(self.workspace), self.original
        notes = [f"note: {sentence}" for sentence in consequences(self.workspace, workspace)]
        if original is not None:
            try:
                original = edit(original)
            except InputError as error:
                notes.append(f"loss: what the sidecar holds cannot follow and is left out: {error}")
                original = None
        return replace(self, workspace=workspace, original=original), tuple(notes)

    def as_json(self) -> JsonTranslation:
        """It as pyhf JSON, with a sidecar that restores the edited original."""
        written = as_json(self.workspace)
        if self.original is None:
            return written
        return replace(written, sidecar=make_sidecar(self.workspace, self.original))


def read_to_edit(path: str | Path, *, patches: Sequence[str | Path] = (), xml: XmlOptions | None = None) -> Edited:
    """Read a workspace to edit it, and what its sidecar restores; parameters and errors as for ``load``."""
    loaded = load(path, patches=patches, xml=xml)
    restored = restore(loaded, path) if loaded.format == "pyhf-json" and not patches else loaded
    return Edited(
        workspace=loaded.workspace,
        original=restored.workspace if restored.with_sidecar else None,
        with_sidecar=restored.with_sidecar or loaded.format != "pyhf-json",
        outcomes=loaded.outcomes if restored.with_sidecar else restored.outcomes,
    )


def write_edited(edited: Edited, path: Path, *, beside: Mapping[Path, Content] | None = None) -> tuple[Outcome, ...]:
    """Write as JSON, or as XML where the path says so, with a sidecar where there is something for it.

    Parameters
    ----------
    beside
        other files that belong to it: all or none are written.
    """
    if path.suffix.lower() == ".xml":
        xml = to_xml(edited.workspace if edited.original is None else edited.original, prefix=path.stem)
        write_xml(xml, path.parent, sidecar=True, beside=beside)
        return xml.outcomes
    written = edited.as_json()
    write_json(written, path, sidecar=sidecar_path(path) if edited.with_sidecar else None, beside=beside)
    return written.outcomes
