"""What tests of the REST API have."""

from __future__ import annotations

import pytest
from django.test import Client

from accesscontrol.actor import Actor


@pytest.fixture
def api(client: Client, editor: Actor) -> Client:
    """A client in a session of somebody who reads, writes, deletes and exports."""
    client.force_login(editor.user)
    return client
