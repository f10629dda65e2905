"""RooWorkspaces read through real ROOT, where it is installed: by its export of HS3, which is judged on the way.

For what our reader refuses. ROOT opens the file, and a RooWorkspace may hold code that runs then; so nothing here
happens without being asked for, and a file that carries classes of its own is refused.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hftranslate.crosscheck.with_root import Progress, RootInstallation, run_script
from hftranslate.difference.compare import NLL_PER_TOLERANCE, TOLERANCE
from hftranslate.errors import FormatError, UnsafeInput, Unsupported
from hftranslate.formats import hs3, root_workspace, which_format
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.formats.outcomes import Outcome
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import Loaded
from hftranslate.workspace import Workspace

_SCRIPT = "workspace_as_hs3.py"


def read_through_root(
    path: Path, installation: RootInstallation, options: XmlOptions, *, progress: Progress = lambda line: None
) -> Loaded:
    """The model of a RooWorkspace as ROOT exports it.

    ROOT's own NLL of the workspace is compared with ours of what it exported: where they differ at one of the points,
    the export does not say what the workspace is, which is an outcome of the kind ``loss``.

    Parameters
    ----------
    path
        the ROOT file.
    installation
        of ROOT.
    options
        which workspace, ModelConfig (``measurement``) and data set of it.
    progress
        takes the lines that ROOT's script prints.

    Returns
    -------
    Loaded
        the Workspace, and what became of what the file states.

    Raises
    ------
    UnsafeInput
        The file carries classes of its own, which ROOT would compile.
    Unsupported
        It is no ROOT file, or the export has something that is not HistFactory.
    RootFailed
        ROOT cannot read or export it; the message ends with what it printed.
    """
    data = read_bytes(path)
    if which_format(data, str(path)) != "root":
        raise Unsupported(f"{path} is no ROOT file; --with-root reads a RooWorkspace through ROOT")
    if root_workspace.carries_code(path, data=data):
        raise UnsafeInput(f"{path} carries classes of its own, which ROOT would compile; it is not given to ROOT")
    words = {"--workspace": options.workspace, "--measurement": options.measurement, "--data": options.data}
    chosen = [part for word, value in words.items() if value is not None for part in (word, value)]
    text = run_script(installation, _SCRIPT, [str(path.resolve()), *chosen], progress)
    found: Any = parse_json(text, "what ROOT says")
    if not isinstance(found, dict) or not isinstance(found.get("points"), list):
        raise FormatError(f"{path}: what ROOT says of it has no points")
    workspace, outcomes = hs3.from_document(
        found["document"], f"{path}, as ROOT {found['version']} exports it", analysis=found["analysis"]
    )
    said = Outcome(
        kind="convention",
        where=str(path),
        what=f"read through ROOT {found['version']} and its export of HS3, with the data of {found['analysis']!r}",
    )
    judged = _judged(workspace, found["points"], str(path))
    return Loaded(workspace=workspace, format="root", with_sidecar=False, outcomes=(said, *outcomes, *judged))


def _judged(workspace: Workspace, points: list[Any], where: str) -> tuple[Outcome, ...]:
    """A loss where ROOT evaluates the workspace otherwise than we do what it exported."""
    model, data = compile_model(workspace)
    places = {name: i for i, name in enumerate(model.parameters.root_names)}
    differences = []
    for point in points:
        if point["nll"] is None or not point["values"].keys() <= places.keys():
            continue
        theta = np.array(model.parameters.init)
        for name, value in point["values"].items():
            theta[places[name]] = value
        differences.append(model.nll(theta, data) - point["nll"])
    if not differences:
        what = "nothing could be compared with ROOT's own NLL of the workspace"
        return (Outcome(kind="loss", where=where, what=what),)
    worst = max(abs(d - differences[0]) for d in differences)
    if worst <= NLL_PER_TOLERANCE * TOLERANCE:
        what = f"at {len(differences)} points our NLL is ROOT's of the workspace, within {worst:.1g}"
        return (Outcome(kind="convention", where=where, what=what),)
    what = (
        f"ROOT's export does not say what the workspace is: their NLL differs by {worst:.2g} (interpolation codes of "
        "shapes, sums in Functions and factors that stand twice are not in it)"
    )
    return (Outcome(kind="loss", where=where, what=what, effect=worst),)
