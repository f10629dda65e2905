"""What stands beside a contour, from files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftranslate import plots
from hftranslate.errors import InputError, MissingInput
from hftranslate.signal_grid.contour import Slice, contour_document, take_slice
from hftranslate.signal_grid.overlays import read_columns, read_overlay, read_theory
from tests.signal_grid.test_contour import scan_of

PLANE = take_slice(scan_of(("m1", "m2"), {(x, y): 5.0 - 0.8 * x for x in range(8) for y in range(4)}))
CURVE = [[1.0, 2.0], [3.0, 4.0], [5.0, 4.5]]


def limits() -> Slice:
    """The limit on the signal strength is x / 4: excluded up to x = 4, whatever y."""
    scan = scan_of(("m1", "m2"), {(x, y): 1.0 for x in range(1, 9) for y in range(4)})
    points = tuple(
        replace(p, result={"observed": p.values[0] / 4.0, "expected": [p.values[0] / 4.0] * 5}) for p in scan.points
    )
    return take_slice(replace(scan, points=points, task={"what": "limit", "level": 0.05}))


def hepdata() -> dict[str, Any]:
    columns = [[{"value": row[k]} for row in CURVE] for k in (0, 1)]
    header = {"header": {"name": "m"}}
    return {
        "independent_variables": [{**header, "values": columns[0]}],
        "dependent_variables": [{**header, "values": columns[1]}],
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "m1,m2\n1,2\n3,4\n5,4.5\n"),
        ("b.csv", "#: a table of HEPData\n#: more\nm1 [GeV],m2 [GeV]\n1.0,2.0\n3,4,9\n 5 , 4.5\n"),
        ("c.json", json.dumps({"values": [{"x": [{"value": x}], "y": [{"value": y}]} for x, y in CURVE]})),
        ("d.json", json.dumps(hepdata())),
        ("e.json", json.dumps({"contours": {"observed": [CURVE], "expected": []}})),
        ("f.yaml", json.dumps(hepdata())),  # which is YAML, too
    ],
)
def test_curves(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = read_overlay(tmp_path / name)
    assert isinstance(found, tuple)
    assert [line.tolist() for line in found] == [CURVE]


def test_several_curves_and_our_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n\nx,y\n5,6\n7,8\n9,9\n")
    found = read_overlay(tmp_path / "a.csv")
    assert isinstance(found, tuple)
    assert [len(line) for line in found] == [2, 3]
    (tmp_path / "b.json").write_text(json.dumps(contour_document(PLANE)))
    again = read_overlay(tmp_path / "b.json")
    assert isinstance(again, tuple)
    assert again[0].tolist() == contour_document(PLANE)["contours"]["observed"][0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "x,y\n1,2\nthree,4\n", "expected two numbers, not 'three, 4'"),
        ("a.csv", "x,y\n1,2\n", "holds no curve"),
        ("a.csv", "1,nan\n2,3\n", "holds no curve"),
        ("a.json", '{"values": [{"x": []}]}', "no table of HEPData"),
        ("a.json", '{"contours": {}}', "holds no curve"),
        ("a.yaml", "a: [", "is no YAML"),
        ("a.yaml", "3", "no table of HEPData"),
    ],
)
def test_no_curves(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read_overlay(tmp_path / name)


def test_cross_sections_move_limits(tmp_path: Path) -> None:
    """A signal stronger by a half is excluded to x = 6, one weaker by a quarter to x = 3."""
    plane = limits()
    rows = "".join(f"{x:g},{y:g},0.5,-0.25\n" for x, y in plane.positions.tolist())
    (tmp_path / "a.csv").write_text("m1,m2,up,down\n" + rows)
    theory = read_theory(tmp_path / "a.csv", plane)
    np.testing.assert_array_equal(theory, [[0.5] * 32, [0.25] * 32])
    figure = plots.contour(plane, interpolation="linear", beside=plots.ContourOptions(theory=theory))
    lines = [line for line in figure.axes[0].lines if line.get_gid() == "theory"]
    found = sorted(float(np.mean(np.asarray(line.get_xdata()))) for line in lines)
    assert found == pytest.approx([3.0, 6.0], rel=1e-9)
    assert r"observed $\pm1\sigma_\mathrm{theory}$" in [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    with pytest.raises(InputError, match="move limits"):
        plots.contour(PLANE, beside=plots.ContourOptions(theory=theory))
    names = "".join(f"{name},0.1\n" for name in plane.names)
    (tmp_path / "b.csv").write_text("name,uncertainty\n" + names)
    assert set(read_theory(tmp_path / "b.csv", plane)[1].tolist()) == {0.1}


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("m1,up,down\n1,0.1,0.1\n", MissingInput, "no column 'm2'"),
        ("m1,m2,up\n1,0,0.1\n", MissingInput, "neither columns 'up' and 'down' nor 'uncertainty'"),
        ("m1,m2,uncertainty\n1,0,0.1\n", MissingInput, "no line for 'p1'"),
        ("m1,m2,uncertainty\n1,0,12\n", InputError, "an uncertainty of '12'"),
        ("m1,m2,uncertainty\n1,0,x\n", InputError, "expected a fraction"),
        ("m1,m2,uncertainty\n1,0\n", InputError, "lines of as many values"),
    ],
)
def test_no_uncertainties(tmp_path: Path, text: str, kind: type[Exception], said: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(kind, match=said):
        read_theory(tmp_path / "a.csv", limits())


def test_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("value,x\n1,2\n3,4\n")
    assert read_columns(tmp_path / "a.csv", ("x", "value")) == [[2.0, 1.0], [4.0, 3.0]]
    with pytest.raises(MissingInput, match="no column 'low'"):
        read_columns(tmp_path / "a.csv", ("low",))
    (tmp_path / "a.csv").write_text("x\none\n")
    with pytest.raises(InputError, match="expected numbers"):
        read_columns(tmp_path / "a.csv", ("x",))


def test_other_analyses_stand_beside() -> None:
    curve = (np.array(CURVE),)
    figure = plots.contour(PLANE, beside=plots.ContourOptions(overlays=(("mine & yours", PLANE), ("published", curve))))
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_legend().get_texts()][3:5] == ["mine & yours", "published"]
    (drawn,) = (line for line in axes.lines if line.get_gid() == "beside published")
    assert np.asarray(drawn.get_xydata()).tolist() == CURVE
    (other,) = (line for line in axes.lines if line.get_gid() == "beside mine & yours")
    (own,) = (line for line in axes.lines if line.get_gid() == "observed")
    np.testing.assert_array_equal(other.get_xydata(), own.get_xydata())
    with pytest.raises(InputError, match="cannot be told apart"):
        plots.contour(PLANE, beside=plots.ContourOptions(overlays=(("a", curve),) * 6))
    along = take_slice(scan_of(("m1",), {(x,): 3.0 - x for x in range(5)}))
    with pytest.raises(InputError, match="in a plane of two labels"):
        plots.contour(along, beside=plots.ContourOptions(overlays=(("a", curve),)))
