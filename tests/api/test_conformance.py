"""The API does what its OpenAPI document says, whatever is sent: by schemathesis, in a bounded run of all of it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation

from accesscontrol import keys
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right
from audit.models import AuditLog
from catalog import registry
from config import openapi
from jobs import running

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

APPLICATION = get_wsgi_application()
JSON = "application/json"
CSV = b"name\nMary Shelley\n"
RIGHTS = [*map(str, Operation), *map(str, Right)]
TABLES = {table.name: table for table in registry.all_tables()}
CONFIG = SchemathesisConfig.from_dict(
    {
        "output": {"sanitization": {"enabled": False}},
        "analysis": {"constants": {"enabled": False}},  # of our code: the document says what is right
        # No document says which records there are: what is not there (404, 412), is there already (409), or breaks a
        # rule between columns (422) is valid data that is not accepted.
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", 304, 404, 409, 412, 422]},
            "ignored_auth": {"enabled": False},  # test_reach.py has strangers at every address
        },
    }
)
WRONG = 8  # so many operations of a kind for one wrong example
FEW = 3  # columns of a where object, and filters of a list: all are made alike, and there are a thousand


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Any) -> None:
    """Where files go in this test."""
    settings.EXPORT_DIR, settings.BACKUP_DIR = tmp_path / "exports", tmp_path / "backups"


def test_records_are_as_the_document_has_them(admin: Actor, is_whole: bool) -> None:
    key = keys.create(actor=admin, name="conformance", scopes=RIGHTS).text

    failures = conforming(
        openapi.document(admin),
        lambda root: root in TABLES,
        scheme="bearer",
        sent={"headers": {"Authorization": f"Bearer {key}"}},
        put_real=put_record,
        choose=(lambda found, _: found) if is_whole else some,
    )

    assert not failures, "\n\n".join(failures)
    written = AuditLog.objects.filter(operation__contains="INSERT", success=True)
    assert written.values("table_name").distinct().count() > 20  # else there was next to nothing to look at


def test_all_else_is_as_the_document_has_it(admin: Actor, client: Client) -> None:
    client.force_login(admin.user)
    there, whole = There(client, admin), openapi.document(admin)
    key = keys.create(actor=admin, name="conformance", scopes=RIGHTS).text
    csrf = "a" * 32
    session = {"sessionid": client.cookies["sessionid"].value, "csrftoken": csrf}

    failures = [
        *conforming(
            whole,
            lambda root: root not in TABLES and root != "me",
            scheme="bearer",
            sent={"headers": {"Authorization": f"Bearer {key}"}},
            put_real=there.put,
        ),
        *conforming(  # keys are made in sessions alone
            whole,
            lambda root: root == "me",
            scheme=None,
            sent={"cookies": session, "headers": {"X-CSRFToken": csrf}},
            put_real=there.put,
        ),
    ]

    assert not failures, "\n\n".join(failures)


def conforming(
    whole: dict[str, Any],
    includes: Callable[[str], bool],
    *,
    scheme: str | None,
    sent: dict[str, Any],
    put_real: Callable[[Any], None],
    choose: Callable[[list[Any], GenerationMode], list[Any]] = lambda found, _: found,
) -> list[str]:
    """Send a right and a wrong example to operations, and return what was wrong with the answers."""
    sent["headers"]["Accept-Encoding"] = "identity"
    return [
        failure
        for mode in GenerationMode
        for operation in choose(operations(whole, includes, scheme, mode), mode)
        for failure in run(operation, mode, sent, put_real)
    ]


def some(found: list[Any], mode: GenerationMode) -> list[Any]:
    """Return every operation for a right example, and a part of each kind for a wrong one: tables are alike."""
    if mode == GenerationMode.POSITIVE:
        return found
    kinds: dict[tuple[str, str], list[str]] = {}
    for operation in found:
        kinds.setdefault(kind_of(operation), []).append(operation.label)
    chosen = {
        label
        for number, labels in enumerate(kinds.values())
        for place, label in enumerate(labels)
        if (place + number) % WRONG == 0
    }
    return [operation for operation in found if operation.label in chosen]


def kind_of(operation: Any) -> tuple[str, str]:
    """A method, and the address below that of the table."""
    return operation.method, operation.path.split("/", 4)[4]


def operations(
    whole: dict[str, Any], includes: Callable[[str], bool], scheme: str | None, mode: GenerationMode
) -> list[Any]:
    """Return the operations of the document, but for what makes examples vast; those that add records first."""
    paths = {path: said for path, said in whole["paths"].items() if includes(root_of(path))}
    document = copy.deepcopy({**whole, "paths": paths})
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Where"):
            schema["properties"] = dict(list(schema["properties"].items())[:FEW])
    for path, said in document["paths"].items():
        for operation in said.values():
            operation["security"] = [{scheme: []}] if scheme and mode == GenerationMode.POSITIVE else []
        if root_of(path) in TABLES and "get" in said:
            said["get"]["parameters"] = without_most_filters(root_of(path), said["get"]["parameters"])
    shorten(document, mode)
    schema = schemathesis.openapi.from_dict(document, config=CONFIG)
    schema.app = served
    found = [result.ok() for result in schema.get_all_operations()]
    return sorted(found, key=order)


def served(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Answer a request, and close the answer as a server does."""
    answer = APPLICATION(environ, start)
    try:
        return list(answer)
    finally:
        answer.close()


def root_of(path: str) -> str:
    return path.split("/")[3]


def order(operation: Any) -> int:
    """What adds records comes first, to a table before those that refer to it; what deletes comes last."""
    root = root_of(operation.path)
    number = [*TABLES].index(root) if root in TABLES else 0
    if operation.method == "delete":
        return 1_000 - number
    return number if operation.method == "post" and operation.path.count("/") == 4 else 500


def without_most_filters(table: str, parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of a list with some of its filters, of the first, a middle and the last column."""
    filters = [one for one in parameters if one["name"].partition("__")[0] in TABLES[table].columns]
    few = filters[:: len(filters) // FEW] if len(filters) > FEW else filters
    return [one for one in parameters if one not in filters or one in few]


def shorten(part: Any, mode: GenerationMode) -> None:
    """Let lists have few items; where wrong ones are made any number, as most would be wrong by that else."""
    if isinstance(part, dict) and part.get("type") == "array" and part.get("maxItems", 0) > 2:
        del part["maxItems"]
        if mode == GenerationMode.POSITIVE:
            part["maxItems"] = 2
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        shorten(child, mode)


def run(
    operation: Any, mode: GenerationMode, sent: dict[str, Any], put_real: Callable[[Any], None]
) -> list[str]:
    """Send an example to an operation, and return what was wrong with the answer."""
    wrong: list[str] = []

    @seed(1)
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=1,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        case.query.pop("cursor", None)  # of which only the API makes good ones
        if operation.path.endswith("/groups/") and mode == GenerationMode.POSITIVE:
            case.query.pop("order_by", None)  # whose names are those of the other parameters
        put_real(case)
        try:
            case.call_and_validate(**sent)
        except FailureGroup as group:
            wrong.extend(
                f"{operation.label} ({mode.value}): {failure} {case.as_curl_command()[:1500]}"
                for failure in group.exceptions
            )

    with contextlib.suppress(Unsatisfiable):  # of what takes nothing nothing is wrong
        send()
    return wrong


def is_right(case: Any, location: ParameterLocation) -> bool:
    """Say whether a part of an example is meant to be right; one that is wrong shall stay so."""
    return case.meta is None or not case.meta.is_negative_at(location)


def put_record(case: Any) -> None:
    """Let an example be about a record that is there, and refer to such."""
    table = TABLES[root_of(case.operation.path)]
    if "key" in case.path_parameters and is_right(case, ParameterLocation.PATH):
        last = table.model._default_manager.values(*table.key).last()
        if last is not None:
            case.path_parameters["key"] = table.format_key(last)
    if is_right(case, ParameterLocation.BODY):
        for data in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(data, dict):
                refer_to_what_is_there(table, data.get("data", data))


def refer_to_what_is_there(table: Any, data: Any) -> None:
    for column, parent in table.foreign_keys.items():
        if isinstance(data, dict) and data.get(column) is not None:
            found = TABLES[parent].model._default_manager.values_list("pk", flat=True).first()
            data[column] = found or data[column]


class There:
    """Puts what is there into examples that are about something: a job, a change, a file, a key."""

    def __init__(self, client: Client, admin: Actor) -> None:
        self._client, self._admin = client, admin

    def put(self, case: Any) -> None:
        """Put it into an example, but for where that is wrong on purpose."""
        root = case.operation.path.removeprefix("/api/v1/").partition("/{")[0].strip("/")
        if is_right(case, ParameterLocation.PATH):
            for name in case.path_parameters:
                case.path_parameters[name] = self._variable(root, name)
        if root == "exchange/imports" and is_right(case, ParameterLocation.QUERY) and case.query:
            case.query = {"table": "authors"}
        if is_right(case, ParameterLocation.BODY):
            if root == "exchange/imports" and case.method == "POST" and not case.path_parameters:
                case.body = CSV
            if isinstance(case.body, dict):
                self._mend(root, case.body, is_new=not case.path_parameters)

    def _mend(self, root: str, body: dict[str, Any], *, is_new: bool) -> None:
        """Leave out of a body what no schema tells the right values of."""
        for name in {"where", "fields", "order_by", "networks", "expires_at"} & body.keys():
            del body[name]
        if "table" in body or (root == "backups" and is_new):
            body["table"] = "authors"
        if "drop_existing" in body:
            body["drop_existing"] = False  # one table is merged
        if body.get("scopes"):
            body["scopes"] = ["read"]
        if "name" in body:
            body["name"] = "conformance"

    def _variable(self, root: str, name: str) -> Any:
        made: dict[str, Callable[[], Any]] = {
            "table": lambda: "authors",
            "change_id": lambda: self._author()["Change-Id"],
            "job_id": self._job,
            "name": self._backup,
            "token": self._upload,
            "prefix": lambda: keys.create(actor=self._admin, name="a key", scopes=["read"]).key.prefix,
            "token_id": lambda: self._post("tokens/", {}).json()["id"],
            "key": lambda: self._client.get("/api/v1/audit/?limit=1").json()["logs"][0]["id"],
        }
        return made[name]()

    def _post(self, address: str, body: Any, media_type: str = JSON) -> Any:
        return self._client.post(f"/api/v1/{address}", body, media_type)

    def _author(self) -> Any:
        return self._post("authors/", {"name": "Jane Austen"})

    def _job(self) -> int:
        job: int = self._post("exchange/exports/", {"table": "authors"}).json()["id"]
        running.run(job)
        return job

    def _backup(self) -> str:
        return str(self._post("backups/upload/", b"SELECT 1;", "application/sql").json()["file"])

    def _upload(self) -> str:
        address = self._post("exchange/imports/?table=authors", CSV, "text/csv").json()["details"]["import"]
        return str(address.rstrip("/").rpartition("/")[2])
