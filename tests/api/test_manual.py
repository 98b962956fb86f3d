"""The examples of the manual, run as they stand there, in their order, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accesscontrol.actor import Actor
from catalog.models import Book

pytestmark = pytest.mark.django_db(transaction=True)

SCOPES = ("read", "insert", "update", "delete", "export")


def test_every_example_works(
    live_server: Any, editor: Actor, key: Callable[..., str], tmp_path: Path
) -> None:
    manual = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```sh\n(.*?)^```$", manual, re.DOTALL | re.MULTILINE)

    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(examples)],
        env={"PATH": os.environ["PATH"], "API": f"{live_server.url}/api/v1", "KEY": key(editor, *SCOPES)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert len(examples) > 6
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert Book.objects.filter(title="The Snark").count() == 1
    assert Book.objects.get(pk=9001).word_count == 26433
