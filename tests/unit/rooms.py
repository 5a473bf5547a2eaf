"""The rooms of the project from the ground up, and which imports run between them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

FROM_THE_GROUND = (
    "moe_viz/errors.py",
    "moe_viz/settings.py",
    "moe_viz/catalogue.py",
    "moe_viz/demo",
    "moe_viz/probes",
    "moe_viz/data",
    "moe_viz/profiles",
    "moe_viz/metrics",
    "moe_viz/figures",
    "moe_viz/components",
    "moe_viz/model/routers",
    "moe_viz/model/checkpoints",
    "moe_viz/model/sizes",
    "moe_viz/model/running",
    "moe_viz/model/experts",
    "moe_viz/model",
    "moe_viz/corpus",
    "moe_viz/engine",
    "moe_viz/lessons",
    "moe_viz/quiz",
    "moe_viz/__init__.py",
    "moe_viz/cli",
    "moe_viz/ui/page_registry.py",
    "moe_viz/ui/session",
    "moe_viz/ui/widgets",
    "moe_viz/ui/specialization",
    "moe_viz/ui/routing",
    "moe_viz/ui/models",
    "moe_viz/ui/learn",
    "moe_viz/ui",
    "moe_viz",
    "pages",
    "app.py",
)
"""A room may import those before it. A file belongs to the most closely named room that holds it."""


def room_of(path: str, rooms: Iterable[str]) -> str:
    """The most closely named room that holds a file, given by its path from the root."""
    holding = [room for room in rooms if path == room or path.startswith(room + "/")]
    if not holding:
        raise AssertionError(f"{path} lies in no room: name its room in FROM_THE_GROUND")
    return max(holding, key=len)


def imports_of(root: Path, sources: Iterable[Path]) -> dict[str, set[str]]:
    """Which of the sources each of them imports, anywhere in it, as paths from the root."""
    by_name = {_module(root, path): path.relative_to(root).as_posix() for path in sources}
    return {path: _named(ast.parse((root / path).read_text("utf-8")), by_name) - {path} for path in by_name.values()}


def upward(imports: Mapping[str, set[str]], rooms: tuple[str, ...]) -> set[tuple[str, str]]:
    """The imports of a file in a higher room, as (importing, imported)."""
    floor = {path: rooms.index(room_of(path, rooms)) for path in imports}
    return {(path, other) for path, others in imports.items() for other in others if floor[other] > floor[path]}


def circles(imports: Mapping[str, set[str]]) -> set[str]:
    """The files that import themselves, by whatever way round."""
    return {path for path in imports if path in _reached(path, imports)}


def _reached(path: str, imports: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = list(imports[path])
    while left:
        if (one := left.pop()) not in seen:
            seen.add(one)
            left += imports[one]
    return seen


def _module(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _named(tree: ast.Module, by_name: Mapping[str, str]) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {module if module in by_name else node.module for module in modules}
    return {by_name[name] for name in names if name in by_name}
