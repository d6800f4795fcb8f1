"""Requests made of the published OpenAPI document, and of what it does not allow: none of them breaks the server."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.server.serving import SECRET, Room, Served

EXAMPLES = int(os.environ.get("COGNIFY_FUZZ_REQUESTS", "15"))
"""Of each operation, as the document allows it and as it does not."""


def test_no_request_breaks_the_server(served: Served, room: Room) -> None:
    schema = schemathesis.openapi.from_url(f"{served.client.base_url}/v2/openapi.json")
    headers = {"Authorization": f"Bearer {room.key}", "Cognify-Run-Secret": SECRET}
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 35
    run_id = room.sealed()
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def answers(case: Any) -> None:
                for name, known in (("workspace_id", room.name), ("run_id", run_id)):
                    if name in (case.path_parameters or {}):
                        case.path_parameters[name] = known
                status = case.call(headers=headers).status_code
                assert status < 500, case.as_curl_command()

            with suppress(Unsatisfiable):  # where a document allows everything, there is nothing that it does not
                answers()


def test_the_published_document_says_of_each_operation_what_it_does(served: Served) -> None:
    paths = served.ask("GET", "/v2/openapi.json").json()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert all(operation["description"] and operation["summary"] for operation in operations)
