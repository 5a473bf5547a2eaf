"""What a module brings in when it is imported, and what sources name."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


def brought_in(module: str, root: Path) -> set[str]:
    """Top-level packages loaded by importing `module` from `root` in a fresh interpreter."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"import {module} failed:\n{done.stderr}")
    return set(done.stdout.split())


def named_in(paths: Iterable[Path]) -> dict[Path, set[str]]:
    """Top-level packages named by any import, wherever it stands, in each of these sources."""
    return {path: _named(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}


def _named(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names
