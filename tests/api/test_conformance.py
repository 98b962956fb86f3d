"""The API does what its OpenAPI document says, whatever is sent: by schemathesis, a bounded run."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from accesscontrol import keys
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right
from config import openapi

pytestmark = pytest.mark.django_db(transaction=True)

RIGHTS = [*map(str, Operation), *map(str, Right)]
EACH_KIND = "books|book_genres|genres|audit_logs|writing_goals"
BESIDE = "schema|audit|changes|jobs|exchange|backups|me|keys|tokens"
CONFIG = SchemathesisConfig.from_dict(
    {
        "output": {"sanitization": {"enabled": False}},
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 304, 404, 409, 412, 422]}},
    }
)
UNCHECKED = {  # that strangers are refused, test_reach holds for every address
    EACH_KIND: [ignored_auth],
    BESIDE: [ignored_auth, positive_data_acceptance],  # no schema says which files and networks there are
}
EXAMPLES = 3  # of each operation, right and wrong
COLUMNS = 6  # of a where object; all are alike


@pytest.mark.parametrize("roots", [EACH_KIND, BESIDE], ids=["tables", "beside"])
def test_every_answer_is_one_that_the_document_has(admin: Actor, roots: str) -> None:
    key = keys.create(actor=admin, name="conformance", scopes=RIGHTS).text
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    whole = openapi.document(admin)

    failures = [
        failure
        for mode in GenerationMode
        for found in bounded(whole, roots, mode).get_all_operations()
        for failure in run(found.ok(), mode, headers, UNCHECKED[roots])
    ]

    assert not failures, "\n\n".join(failures)


def bounded(whole: dict[str, Any], roots: str, mode: GenerationMode) -> Any:
    """Return the document as examples are made of it: of some addresses, and without what makes them vast."""
    document = copy.deepcopy(whole)
    address = re.compile(f"/api/v1/({roots})/")
    document["paths"] = {path: said for path, said in document["paths"].items() if address.match(path)}
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Where"):
            schema["properties"] = dict(list(schema["properties"].items())[:COLUMNS])
    shorten(document, mode)
    schema = schemathesis.openapi.from_dict(document, config=CONFIG)
    schema.app = get_wsgi_application()
    return schema


def shorten(part: Any, mode: GenerationMode) -> None:
    """Let lists have few items; where wrong ones are made any number, as most would be wrong by that else."""
    if isinstance(part, dict) and part.get("type") == "array" and part.get("maxItems", 0) > 2:
        del part["maxItems"]
        if mode == GenerationMode.POSITIVE:
            part["maxItems"] = 2
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        shorten(child, mode)


def run(operation: Any, mode: GenerationMode, headers: dict[str, str], unchecked: list[Any]) -> list[str]:
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
            case.call_and_validate(headers=headers, excluded_checks=unchecked)
        except FailureGroup as group:
            wrong.extend(
                f"{operation.label} ({mode.value}): {failure} {case.as_curl_command()[:1500]}"
                for failure in group.exceptions
            )

    send()
    return wrong
