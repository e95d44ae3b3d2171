"""Who may import whom: the rules of the design, held by reading the imports.

`cli -> {scenes, evaluation} -> simgen`; inside simgen a module imports only what stands
above it in `ORDER`; sensors, renderers, labels and formats do not know each other.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("simgen", "scenes", "evaluation")
ORDER = [
    "errors", "rng", "quiet", "compiled", "colour", "geometry", "distributions", "space", "config",
    "registry", "rays", "lights", "answers", "spec", "sample", "clouds", "overlay", "assets",
    "physics", "culling", "casting", "facets", "world", "survey", "render", "sensors", "masks",
    "labels", "encode", "dataset", "formats", "shot", "generate", "engine", "contracts", "cli",
]  # fmt: skip
STRANGERS = ("render", "sensors", "labels", "formats")
BULLET = {"simgen/physics.py", "simgen/render/bullet.py"}


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path) for package in PACKAGES for path in files(package)}


def is_lazy(node):
    """Whether an import waits until a function is called."""
    while node := getattr(node, "parent", None):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return True
    return False


def imports(source, module="", package=False):
    """What a module imports, at any depth: (dotted name, whether lazily), also by name in text.

    `quiet_import("x")` and `import_module("x")` count as imports of x.
    """
    tree = ast.parse(source)
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            child.parent = parent
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, is_lazy(node)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                own = module.split(".") if package else module.split(".")[:-1]
                own = own[: len(own) - node.level + 1]
                base = ".".join([*own, base] if base else own)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if whole in MODULES else base), is_lazy(node)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func).rsplit(".", 1)[-1]
            if function in ("quiet_import", "import_module", "__import__"):
                yield str(node.args[0].value), is_lazy(node)


@cache
def imports_of(path):
    return set(imports(path.read_text(), name_of(path), path.name == "__init__.py"))


def layer(module):
    """The part of simgen that a module belongs to; "" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def broken_order(module, imported):
    """Whether one module of simgen may not import another."""
    own, other = layer(module), layer(imported)
    if own == other or not other:
        return False
    if not own:
        return True  # the package itself imports nothing of its own
    return ORDER.index(other) > ORDER.index(own) or {own, other} <= set(STRANGERS)


def test_every_module_of_simgen_has_its_place():
    assert {layer(name_of(path)) for path in files("simgen")} - {""} <= set(ORDER)


def test_the_order_inside_simgen():
    found = [
        f"{name_of(path)} imports {imported}"
        for path in files("simgen")
        for imported, _ in sorted(imports_of(path))
        if imported.split(".")[0] == "simgen" and broken_order(name_of(path), imported)
    ]
    assert found == []


def test_packages_import_only_downwards():
    allowed = {"simgen": {"simgen"}, "scenes": {"scenes", "simgen"}}
    allowed["evaluation"] = {"evaluation", "simgen"}
    found = []
    for package in PACKAGES:
        for path in files(package):
            if path.is_relative_to(ROOT / "simgen" / "cli"):
                continue
            found += [
                f"{name_of(path)} imports {imported}"
                for imported, _ in sorted(imports_of(path))
                if imported.split(".")[0] in {*PACKAGES, "configs", "tests", "benchmarks"}
                and imported.split(".")[0] not in allowed[package]
            ]
    assert found == []


def test_nothing_but_the_outermost_layer_imports_the_command_line():
    found = [
        name_of(path)
        for package in PACKAGES
        for path in files(package)
        if not path.is_relative_to(ROOT / "simgen" / "cli")
        and any(imported.startswith("simgen.cli") for imported, _ in imports_of(path))
    ]
    assert found == []


def users_of(*libraries):
    return {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in files(package)
        if any(imported.split(".")[0] in libraries for imported, _ in imports_of(path))
    }


def test_pybullet_in_physics_and_the_bullet_renderer_alone():
    assert users_of("pybullet", "pybullet_utils") == BULLET


def test_torch_in_evaluation_alone():
    found = users_of("torch", "torchvision", "efficientnet_lite_pytorch")
    assert found
    assert {path.split("/")[0] for path in found} == {"evaluation"}


def test_importing_the_packages_does_not_import_torch():
    """In a fresh process, through every package root and the command line."""
    roots = sorted(
        name_of(path)
        for package in PACKAGES
        for path in files(package)
        if path.name == "__init__.py"
    )
    code = (
        "import importlib, sys\n"
        f"for name in {roots!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "imported", "broken"),
    [
        ("simgen.world", "simgen.spec", False),
        ("simgen.spec", "simgen.world", True),
        ("simgen.labels", "simgen.world", False),
        ("simgen.labels", "simgen.sensors.effect", True),
        ("simgen.render.bullet", "simgen.labels", True),
        ("simgen.formats.coco", "simgen.labels", True),
        ("simgen.generate", "simgen.labels", False),
        ("simgen.generate", "simgen.cli", True),
        ("simgen.config.model", "simgen.config.text", False),
        ("simgen", "simgen.world", True),
    ],
)
def test_the_rule_tells_right_from_wrong(module, imported, broken):
    assert broken_order(module, imported) == broken


def test_the_reader_sees_every_kind_of_import():
    """Negative control: what the rules are held against must be found."""
    source = (
        "import torch.nn as nn\n"
        "from simgen import world\n"
        "from simgen.spec import Body\n"
        "pybullet = quiet_import('pybullet')\n"
        "def late():\n"
        "    import scenes.dice\n"
        "    importlib.import_module('simgen.cli')\n"
    )
    assert set(imports(source)) == {
        ("torch.nn", False),
        ("simgen.world", False),
        ("simgen.spec", False),
        ("pybullet", False),
        ("scenes.dice", True),
        ("simgen.cli", True),
    }
    assert set(imports("from . import tar\nfrom ..rng import Key", "simgen.dataset.writer")) == {
        ("simgen.dataset.tar", False),
        ("simgen.rng", False),
    }
