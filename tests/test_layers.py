"""Who may import whom, and how large things may grow. The imports are read, not executed."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "hftranslate"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: The rooms of the house from the ground up. A room imports from those before it, never from those behind it; what
#: stands at the top, beside the rooms, is the ground that all stand on. ARCHITECTURE.md says what each is for.
ROOMS = [
    "errors",
    "display",
    "records",
    "faces",
    "workspace",
    "formats",
    "formats.schemas",
    "formats.root_histograms",
    "formats.histfactory_xml",
    "formats.root_workspace",
    "formats.pyhf_json",
    "formats.hs3",
    "likelihood",
    "batch",
    "inference",
    "toys",
    "tensors",
    "difference",
    "editing",
    "translation",
    "signal_grid",
    "doctor",
    "plots",
    "crosscheck",
    "report",
    "hepdata",
    "pyhf",
    "cli",
    "",
]

#: Libraries that only some parts may use.
ONLY_IN = {
    "uproot": {"formats.root_histograms"},
    "cramjam": {"formats.root_histograms"},
    "click": {"cli"},
    "lxml": {"formats.histfactory_xml"},
    "jsonpatch": {"formats.json_patch"},  # which guards against patches that do harm
    "jsonpointer": {"formats.json_patch"},
    "pyhf": set(),
    "ROOT": set(),
    "iminuit": {"inference"},
    "jax": {"tensors"},
    "torch": {"tensors"},
    "pytest": set(),
    "hypothesis": set(),
    "tests": set(),
    "validation": set(),
}
#: What nothing imports that is not asked for what needs it.
HEAVY = ["matplotlib", "uproot", "awkward", "hist", "jsonschema", "iminuit", "pyhf", "ROOT", "jax", "torch"]
#: Libraries that take long to import, or that not everybody needs: inside functions only.
INSIDE_FUNCTIONS = {"matplotlib", "iminuit", "awkward", "hist", "jsonschema", "jax", "torch"}


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


def part_of(module):
    """The room that a module (named below the package) is in."""
    pieces = module.split(".") if module else []
    for n in range(len(pieces), 0, -1):
        if ".".join(pieces[:n]) in ROOMS:
            return ".".join(pieces[:n])
    return "" if not module else None


def imports(tree, module, is_package):
    """All imported names, absolute, and whether the import stands outside functions."""
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        top = id(node) not in inside
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, top
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = ["hftranslate", *[p for p in package if p]]
                base = ".".join([*up[: len(up) - node.level + 1], *filter(None, [base])])
            for alias in node.names:  # a name may be a module: from hftranslate.formats import documents
                full = f"{base}.{alias.name}"
                below = full.removeprefix("hftranslate.").replace(".", "/")
                is_module = full.startswith("hftranslate.") and (
                    (PACKAGE / f"{below}.py").is_file() or (PACKAGE / below).is_dir()
                )
                yield (full if is_module else base), top


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path):
    return list(imports(parsed(path), name_of(path), path.name == "__init__.py"))


@cache
def calls_in(path):
    """Each call of a name, or of a name of a name, with its line."""
    found = []
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                found.append((name, node.lineno))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=first), attr=name)):
                found.append((f"{first}.{name}", node.lineno))
    return found


@pytest.fixture
def tree(path):
    return parsed(path)


EVERY_MODULE = pytest.mark.parametrize("path", MODULES, ids=lambda path: name_of(path) or "__init__")


def test_there_is_something_to_check():
    names = {name_of(p) for p in MODULES}
    assert {"workspace", "likelihood.compile", "inference.newton", "formats.pyhf_json", "cli"} <= names


@EVERY_MODULE
def test_layers(path):
    module = name_of(path)
    part = part_of(module)
    assert part is not None, f"{module} is in no room; give it one in {Path(__file__).name}"
    for imported, _ in imports_of(path):
        if imported == "hftranslate" or imported.startswith("hftranslate."):
            target = part_of(imported.removeprefix("hftranslate").removeprefix("."))
            assert ROOMS.index(target) <= ROOMS.index(part), f"{module} must not import {imported}"


@EVERY_MODULE
def test_libraries(path, tree):
    module = name_of(path)
    for imported, top in imports_of(path):
        library = imported.split(".")[0]
        if library in ONLY_IN:
            assert ONLY_IN[library] & {part_of(module), module}, f"{module} must not import {library}"
        if top and library in INSIDE_FUNCTIONS:
            guarded = any(
                isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test) and library in ast.unparse(n)
                for n in tree.body
            )
            assert guarded, f"{module} imports {library} outside functions"


def test_the_scripts_beside_the_package_take_no_patches_either():
    """They are installed with it; the one that makes references patches files of the repository only."""
    scripts = PACKAGE.parent / "validation" / "make_reference"
    found = {p.name for p in scripts.glob("*.py") if "jsonpatch" in p.read_text(encoding="utf-8")}
    assert found <= {"make.py"}


@EVERY_MODULE
def test_sizes(path, tree):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 500, f"{lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1 - docstring_lines(node)
            assert length <= 60, f"{node.name} has {length} lines besides its docstring"


def docstring_lines(node):
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return first.end_lineno - first.lineno + 1


@EVERY_MODULE
def test_the_library_neither_prints_nor_configures_logging(path):
    if part_of(name_of(path)) == "cli":
        return
    for called, line in calls_in(path):
        assert called not in ("print", "logging.basicConfig", "sys.exit"), f"line {line}: {called}"


@EVERY_MODULE
def test_what_is_printed_is_made_harmless(path):
    """Two modules print: one makes lines of ours and names of files fit for a terminal, the other shows errors."""
    if name_of(path) not in ("cli", "cli.output"):
        assert "click.echo" not in dict(calls_in(path))
    for imported, _ in imports_of(path):
        assert imported != "html" or name_of(path) in ("display", "display.harmless", "hepdata.readme")


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        (
            "import hftranslate",
            [*HEAVY, "lxml", "click"],
        ),
        (
            "import hftranslate.cli",
            HEAVY,
        ),
    ],
)
def test_imports_stay_light(statement, forbidden):
    code = f"{statement}; import sys; print([m for m in {forbidden} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    assert run.stdout.strip() == "[]"
