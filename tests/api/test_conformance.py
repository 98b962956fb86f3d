"""The API does what its OpenAPI document says, whatever is sent: by schemathesis, a bounded run."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from accesscontrol import keys
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right

pytestmark = pytest.mark.django_db(transaction=True)

RIGHTS = [*map(str, Operation), *map(str, Right)]
EACH_KIND = re.compile("/api/v1/(books|book_genres|genres|audit_logs|writing_goals)/")
CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 304, 404, 409, 412, 422]}}}
)
EXAMPLES = 6  # of each operation, right and wrong


def test_every_answer_is_one_that_the_document_has(admin: Actor) -> None:
    key = keys.create(actor=admin, name="conformance", scopes=RIGHTS).text
    headers = {"Authorization": f"Bearer {key}"}
    document = schemathesis.openapi.from_wsgi(
        "/api/v1/openapi.json", get_wsgi_application(), config=CONFIG, headers=headers
    )

    failures = []
    for found in document.get_all_operations():
        operation = found.ok()
        if EACH_KIND.match(operation.path):
            for mode in GenerationMode:
                failures += run(operation, mode, headers)

    assert not failures, "\n\n".join(failures)


def run(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> list[str]:
    """Send examples to an operation, and return what was wrong with the answers."""
    wrong: list[str] = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        case.query.pop("cursor", None)  # of which only the API makes good ones
        try:
            case.call_and_validate(headers=headers)
        except FailureGroup as group:
            wrong.extend(
                f"{operation.label} ({mode.value}): {failure} {failure.__dict__ if False else case.as_curl_command(headers)[:1500]}"
                for failure in group.exceptions
            )

    send()
    return wrong
