"""What import-linter can't say: which parts of other packages a module may know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACES = ("rest_framework", "mcp", "mcp_types", "import_export", "django.http", "django.contrib.admin")
DECIDE = [
    *ROOT.glob("catalog/services/*.py"),
    *(ROOT / name for name in ("audit/trail.py", "audit/operation.py", "audit/queries.py")),
    *(ROOT / "accesscontrol" / name for name in ("policy.py", "grants.py", "roles.py", "accounts.py")),
    *(ROOT / "accesscontrol" / name for name in ("scopes.py", "keys.py", "key_use.py", "tokens.py")),
    *(ROOT / "accesscontrol" / name for name in ("limits.py", "throttling.py", "leases.py", "buckets.py")),
]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", DECIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_decides_knows_no_face(path: Path) -> None:
    found = [name for name in imports(path) if any(f"{name}.".startswith(f"{face}.") for face in FACES)]

    assert not found, f"{path.name} imports {found}"


def test_no_module_of_ours_has_a_name_that_says_nothing() -> None:
    names = {"utils", "helpers", "managers", "common", "misc"}
    sources = [p for p in ROOT.glob("*/**/*.py") if not {".venv", "var"} & set(p.relative_to(ROOT).parts)]

    assert not [str(path) for path in sources if path.stem in names]
