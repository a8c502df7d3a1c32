"""What `make invoke` hands to `sam local invoke`, and what it makes of the result."""

from __future__ import annotations

from typing import Any

import pytest

from local.invoke import invocation

ANSWER = "http://127.0.0.1:5000/answer"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://127.0.0.1:4566", "http://relay:4566"),
        ("http://localhost:4566/queue?a=b", "http://relay:4566/queue?a=b"),
        ("http://127.0.0.1/answer", "http://relay:80/answer"),
        ("https://ecr.eu-west-1.amazonaws.com", "https://ecr.eu-west-1.amazonaws.com"),
        ("ecr-controller-PartsTable", "ecr-controller-PartsTable"),
    ],
)
def test_only_a_url_of_the_loopback_names_the_relay(url: str, seen: str) -> None:
    assert invocation.seen_from_a_container(url, "relay") == seen


def test_the_ports_to_relay_are_those_of_the_loopback() -> None:
    assert invocation.ports_of("http://127.0.0.1:4566", "http://localhost/", "https://aws.example:9") == [4566, 80]


def test_the_response_url_is_replaced_also_in_the_request_of_a_function_that_died() -> None:
    request = {"RequestType": "Create", "ResponseURL": "https://old"}
    answered = request | {"ResponseURL": ANSWER}
    assert invocation.addressed_to(ANSWER, request) == answered
    assert invocation.addressed_to(ANSWER, {"requestPayload": request}) == {"requestPayload": answered}
    assert invocation.addressed_to(ANSWER, {"Records": []}) == {"Records": []}
    assert request["ResponseURL"] == "https://old"


def test_a_function_is_found_by_its_folder() -> None:
    assert invocation.logical_id("route_scan") == "RouteScanFunction"


def test_the_variables_that_refer_to_resources_are_known() -> None:
    assert invocation.references("plan_rescans") == {"RESCAN_QUEUE": "RescanQueue"}
    assert invocation.references("on_failure") == {}
    assert invocation.parameters("grant")["GRANTEE_ACCOUNTS"] == "GranteeAccounts"


@pytest.mark.parametrize(
    "declared", [{}, {"Timeout": 900, "Environment": {"Variables": {"PARTS_TABLE": {"Ref": "P"}}}}]
)
def test_a_function_gets_a_bounded_time_and_its_variables(declared: dict[str, Any]) -> None:
    values = {"AWS_ENDPOINT_URL": "http://relay:1", "PARTS_TABLE": "parts"}
    invocation.prepare({"Resources": {"Function": {"Properties": declared}}}, "Function", values)
    assert declared == {"Timeout": invocation.SECONDS, "Environment": {"Variables": values}}


@pytest.mark.parametrize(
    ("output", "is_failure"),
    [
        ("null", False),
        ('{"batchItemFailures": []}', False),
        ('"done"', False),
        ('{"errorMessage": "no", "errorType": "KeyError"}', True),
        ("", True),
        ("Internal Server Error", True),
    ],
)
def test_a_function_failed_if_its_result_is_an_error_or_none_at_all(output: str, is_failure: bool) -> None:
    assert invocation.failed(output) is is_failure
