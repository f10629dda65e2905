"""What lies in a ROOT file: workspaces with their data sets, model configurations and snapshots, and measurements.

Of a RooWorkspace only the lists are followed, for names. So files can be looked into whose models cannot be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hftranslate.display import terminal
from hftranslate.formats.json_text import read_bytes, source_name
from hftranslate.formats.root_histograms.container import Damaged, Key, RootFile
from hftranslate.formats.root_workspace.graph import Graph
from hftranslate.formats.root_workspace.layouts import Layouts
from hftranslate.formats.root_workspace.measurement import MEASUREMENT
from hftranslate.formats.root_workspace.read import WORKSPACE, layouts_in, readable
from hftranslate.formats.root_workspace.roofit import RooFit, name_of
from hftranslate.formats.root_workspace.space import model_configs


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A RooWorkspace: the names of what is in it; ``unreadable`` says why there are none."""

    name: str
    data_sets: tuple[str, ...] = ()
    model_configs: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies at the top of a ROOT file.

    Attributes
    ----------
    version
        of the ROOT that wrote it, as 6.40/00.
    workspaces
        what is in each RooWorkspace.
    measurements
        names of the Measurement objects.
    others
        how many other objects there are, by class.
    """

    version: str
    workspaces: tuple[Space, ...]
    measurements: tuple[str, ...]
    others: Mapping[str, int]


def contents(path: str | Path, *, data: bytes | None = None) -> Contents:
    """Look into a ROOT file.

    Parameters
    ----------
    path
        the file, ``-`` for standard input.
    data
        its content, where it was read already.

    Returns
    -------
    Contents
        the workspaces with their data sets, model configs, snapshots and measurements, without numbers.

    Raises
    ------
    InputError
        It is missing, no ROOT file, or damaged.
    """
    with readable(source_name(path)):
        file = RootFile(read_bytes(path) if data is None else data)
        keys = list(file.top.values())
        others: dict[str, int] = {}
        for key in keys:
            if key.class_name not in (WORKSPACE, MEASUREMENT):
                others[key.class_name] = others.get(key.class_name, 0) + 1
        spaces = [key for key in keys if key.class_name == WORKSPACE]
        layouts = layouts_in(file) if spaces else Layouts()
        number = file.version
        return Contents(
            version=f"{number // 10000}.{number // 100 % 100:02d}/{number % 100:02d}",
            workspaces=tuple(_space(file, key, layouts) for key in spaces),
            measurements=tuple(key.name for key in keys if key.class_name == MEASUREMENT),
            others=others,
        )


def contents_text(found: Contents) -> str:
    """The same in lines of text.

    Parameters
    ----------
    found
        what lies in a file.

    Returns
    -------
    str
        lines for a terminal.
    """
    lines = [f"ROOT file, written by ROOT {found.version}"]
    for space in found.workspaces:
        lines.append(f"  RooWorkspace {terminal(space.name)}")
        parts = {"data sets": space.data_sets, "model configs": space.model_configs, "snapshots": space.snapshots}
        lines += [f"    {what}: {', '.join(map(terminal, names))}" for what, names in parts.items() if names]
        lines += [f"    cannot be looked into: {space.unreadable}"] if space.unreadable else []
    lines += [f"  Measurement {terminal(name)}" for name in found.measurements]
    lines += [f"  {n} {terminal(class_name)}" for class_name, n in found.others.items()]
    return "\n".join(lines) + "\n"


def contents_document(found: Contents) -> dict[str, Any]:
    """The same as plain JSON values.

    Parameters
    ----------
    found
        what lies in a file.

    Returns
    -------
    dict
        plain JSON values.
    """
    return {
        "version": found.version,
        "workspaces": [
            {
                "name": space.name,
                "data_sets": list(space.data_sets),
                "model_configs": list(space.model_configs),
                "snapshots": list(space.snapshots),
            }
            for space in found.workspaces
        ],
        "measurements": list(found.measurements),
        "others": dict(found.others),
    }


def _space(file: RootFile, key: Key, layouts: Layouts) -> Space:
    try:
        graph = Graph(file, key, layouts)
        roofit = RooFit(graph, key.name)
        sets, snapshots = (roofit.listed(graph.top, member) for member in ("_dataList", "_snapshots"))
        return Space(
            name=key.name,
            data_sets=tuple(name_of(one) for _, one in sets),
            model_configs=tuple(map(name_of, model_configs(roofit))),
            snapshots=tuple(name_of(one) for _, one in snapshots),
        )
    except Damaged as error:
        return Space(name=key.name, unreadable=str(error))
