"""Join small ES modules into the one module text that a Streamlit component takes."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_IMPORT = re.compile(r'import \{ (\w+(?:, \w+)*) \} from "(\.{1,2}/[\w./-]+\.js)";')
_EXPORT = re.compile(r"export (?=(?:const|function|class) (\w+))")
_DEFAULT = re.compile(r"export default function \w*\(")
_DECLARED = re.compile(r"^(?:export default )?(?:async function|const|let|function|class) (\w+)", re.MULTILINE)
_REFUSED = re.compile(r"\bimport\s*\(|\bimport\.meta\b")


class BundleError(ValueError):
    """A module uses syntax that `bundle` does not understand."""


def bundle(folder: Path, entry: str) -> str:
    """The text of `folder/entry` with every module it imports before it, each once.

    Understood are `import { a, b } from "./x.js";` on one line, `export` before `const`,
    `function` or `class`, and in the entry one `export default function`. All modules share
    one scope, so a top-level name may be declared only once. Raises BundleError otherwise.
    """
    modules: dict[str, str] = {}
    _add(folder, entry, modules, ())
    text = "\n".join(modules.values())
    names = _DECLARED.findall(text)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BundleError(f"{entry}: declared in more than one module: {', '.join(twice)}")
    if len(_DEFAULT.findall(modules[entry])) != 1 or len(_DEFAULT.findall(text)) != 1:
        raise BundleError(f"{entry}: expected one `export default function`, in the entry alone")
    return text


def _add(folder: Path, path: str, modules: dict[str, str], above: tuple[str, ...]) -> set[str]:
    """Add a module behind those it imports; gives the names it exports."""
    if path in above:
        raise BundleError(f"import cycle: {' → '.join((*above, path))}")
    source = (folder / path).read_text(encoding="utf-8")
    lines, exported = [], set()
    for number, line in enumerate(source.splitlines(), 1):
        where = f"{path}:{number}: {line.strip()}"
        if _REFUSED.search(line):
            raise BundleError(f"{where}: dynamic imports are not understood")
        if re.match(r"import\b", line):
            if not (found := _IMPORT.fullmatch(line)):
                raise BundleError(f'{where}: expected `import {{ a, b }} from "./x.js";`')
            target = _resolve(path, found[2])
            if target is None or not (folder / target).is_file():
                raise BundleError(f"{where}: no such module in {folder.name}/")
            given = _add(folder, target, modules, (*above, path))
            if missing := set(found[1].split(", ")) - given:
                raise BundleError(f"{where}: {target} does not export {', '.join(sorted(missing))}")
            continue
        if re.match(r"export\b", line) and not _DEFAULT.match(line):
            if not (found := _EXPORT.match(line)):
                raise BundleError(f"{where}: expected `export` before const, function or class")
            exported.add(found[1])
            lines.append(line[found.end() :])
        else:
            lines.append(line)
    modules.setdefault(path, "\n".join(lines) + "\n")
    return exported


def _resolve(importer: str, target: str) -> str | None:
    """A module's path below the folder; None if it would lie outside."""
    parts = list(PurePosixPath(importer).parent.parts)
    for part in PurePosixPath(target).parts:
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
