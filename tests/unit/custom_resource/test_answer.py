"""The answer's body, and its delivery."""

from __future__ import annotations

import json
import socket
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_controller.custom_resource import answer
from tests.unit.custom_resource.response_server import PATH, QUERY, SIGNATURE, ResponseServer
from tests.unit.custom_resource.stand_ins import LOG, MARKER, STACK_ID, event

if TYPE_CHECKING:
    from tests.unit.custom_resource.response_server import Behaviour

# Surrogates too: a lone one is what `os.fsdecode` or a hostile property may bring.
characters = st.characters() | st.characters(categories=["Cs"]) | st.sampled_from('"\\\n\0🐳')
long_texts = st.builds(
    lambda text, times: text * times, st.text(characters, min_size=1, max_size=30), st.integers(1, 3_000)
)


def attributes_of(size: int) -> dict[str, str]:
    """Attributes that make a body of ``size`` bytes."""
    return {"Text": "x" * (size - len(answer.success(event("Create"), "shop/images", {"Text": ""})))}


def undelivered(url: str, seconds: float = 0.3) -> answer.NotDelivered:
    with pytest.raises(answer.NotDelivered) as caught:
        answer.send(url, b"{}", time.time() + seconds)
    return caught.value


@given(long_texts)
def test_a_reason_of_any_characters_fits_and_only_its_end_is_cut(reason: str) -> None:
    body = answer.failure(event("Update"), reason, LOG)
    assert len(body) <= 4096
    sent: dict[str, Any] = json.loads(body)
    kept, _, rest = sent.pop("Reason").partition(" … (shortened; for the full reason, see the log: ")
    assert sent == {
        "Status": "FAILED",
        "RequestId": "request-1",
        "StackId": STACK_ID,
        "LogicalResourceId": "Images",
        "PhysicalResourceId": "shop/images",
    }
    if rest:
        assert rest == f"{LOG})"
        # The decoder joins two lone surrogates that meet, as CloudFormation's does.
        assert json.loads(json.dumps(reason)).startswith(kept[:-1])
        assert len(body) > 4096 - 12
    else:
        assert kept == json.loads(json.dumps(reason))


@given(st.dictionaries(st.text(characters, max_size=20), long_texts, max_size=5), st.booleans())
def test_attributes_arrive_whole_or_not_at_all(attributes: dict[str, str], no_echo: bool) -> None:
    try:
        body = answer.success(event("Create"), "shop/images", attributes, no_echo=no_echo)
    except answer.TooLarge:
        assert len(json.dumps(attributes)) > 3_500
    else:
        assert len(body) <= 4096
        sent = json.loads(body)
        assert sent["Data"] == json.loads(json.dumps(attributes))
        assert sent["NoEcho"] is no_echo


def test_an_answer_of_exactly_4096_bytes_is_sent_and_one_more_is_too_large() -> None:
    assert len(answer.success(event("Create"), "shop/images", attributes_of(4096))) == 4096
    with pytest.raises(answer.TooLarge, match="4,097 bytes"):
        answer.success(event("Create"), "shop/images", attributes_of(4097))


def test_a_reason_that_just_fits_is_not_cut() -> None:
    room = 4096 - len(answer.failure(event("Create"), "", LOG))
    assert json.loads(answer.failure(event("Create"), "x" * room, LOG))["Reason"] == "x" * room
    assert "shortened" in json.loads(answer.failure(event("Create"), "x" * (room + 1), LOG))["Reason"]


def test_a_reason_that_has_no_room_at_all_does_not_keep_the_answer_from_being_made() -> None:
    endless = event("Delete", PhysicalResourceId="é" * 1_000)
    assert json.loads(answer.failure(endless, "x" * 5_000, LOG))["Status"] == "FAILED"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), b"bytes", {1, 2}, datetime(2026, 10, 5, tzinfo=UTC)], ids=repr
)
def test_attributes_that_json_does_not_have_are_never_sent(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        answer.success(event("Create"), "shop/images", {"Value": value})


@pytest.mark.parametrize("request_id", ["request-1", "request-2"])
def test_the_marker_of_a_failed_create_carries_the_request_id(request_id: str) -> None:
    assert answer.physical_id_of(event("Create", RequestId=request_id)) == MARKER + request_id


@pytest.mark.parametrize("missing", ["", None])
def test_a_physical_id_is_never_empty(missing: str | None) -> None:
    assert answer.physical_id_of(event("Delete", PhysicalResourceId=missing)) == f"{MARKER}request-1"


def test_the_put_has_an_empty_content_type_the_right_length_and_the_url_unchanged(server: ResponseServer) -> None:
    answer.send(server.url, b'{"Reason":"ok"}', time.time() + 5)
    [taken] = server.taken
    assert (taken.method, taken.target) == ("PUT", f"{PATH}?{QUERY}")
    assert taken.headers["content-type"] == ""
    assert taken.headers["content-length"] == "15"
    assert "transfer-encoding" not in taken.headers
    assert taken.body == b'{"Reason":"ok"}'


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_status_of_success_accepts_the_answer(server: ResponseServer, status: int) -> None:
    server.behave(status)
    answer.send(server.url, b"{}", time.time() + 5)
    assert len(server.taken) == 1


@pytest.mark.parametrize("behaviour", [403, 500, "drop"])
def test_an_answer_never_accepted_raises_before_the_time_is_up(behaviour: Behaviour) -> None:
    with ResponseServer(always=behaviour) as server:
        undelivered(server.url, 0.5)
        assert len(server.taken) > 2


def test_a_server_that_never_answers_is_left_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "TRY_SECONDS", 0.1)
    with ResponseServer(always="slow") as server:
        assert "TimeoutError" in str(undelivered(server.url, 1))
        assert len(server.taken) >= 2


def test_a_server_that_is_not_there_is_named_without_the_query() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{nobody.getsockname()[1]}"
    error = undelivered(f"http://{where}{PATH}?{QUERY}")
    assert where in str(error)
    assert "ConnectionRefusedError" in str(error)


@pytest.mark.parametrize("behaviour", [403, "drop"])
@pytest.mark.parametrize("spoilt", ["", " ", "é", "\x01"], ids=["well", "space", "non-ASCII", "control"])
def test_no_error_and_no_log_holds_the_query(
    logs: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], spoilt: str, behaviour: Behaviour
) -> None:
    with ResponseServer(always=behaviour) as server:
        error = undelivered(server.url + spoilt, 0.05)
    shown = capfd.readouterr()
    assert "Attempt 1 to respond to CloudFormation at 127.0.0.1" in logs.text
    for text in ("".join(traceback.format_exception(error)), logs.text, shown.out, shown.err):
        assert SIGNATURE not in text
        assert "Signature=" not in text


CLOUDFORMATION = "cloudformation-custom-resource-response-euwest1.s3-eu-west-1"


@pytest.mark.parametrize(
    "url",
    [
        f"https://{CLOUDFORMATION}.amazonaws.com/arn?Signature=s",
        f"https://{CLOUDFORMATION}.amazonaws.com:443/arn?Signature=s",
        f"https://{CLOUDFORMATION}.AMAZONAWS.COM/arn",
        "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/arn",
        *(f"https://bucket.s3.region.{domain}/arn" for domain in answer.AWS_DOMAINS),
        *("http://127.0.0.1:8080/a", "http://127.0.0.1/a", "https://localhost:1/a", "http://[::1]:8080/a"),
        *("http://127.1.2.3/a", "http://LOCALHOST/a"),
    ],
)
def test_an_answer_goes_to_aws_or_to_this_machine(url: str) -> None:
    assert answer.response_url({"ResponseURL": url}) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://bucket.s3.amazonaws.com/a",
            "ftp://bucket.s3.amazonaws.com/a",
            "https://bucket.s3.amazonaws.com:8443/a",
        ),
        *(
            "https://amazonaws.com.evil.example/a",
            "https://x.amazonaws.com@evil.example/a",
            "https://evilamazonaws.com/a",
        ),
        *("https://user@bucket.s3.amazonaws.com/a", "https://user:pw@127.0.0.1/a", "https://amazonaws.com/a"),
        *(
            "https://bucket.s3.amazonaws.com./a",
            "https://evil.example#.amazonaws.com/a",
            "https://evil.example/.amazonaws.com",
        ),
        *(
            "https://evil.example\\.amazonaws.com/a",
            "https://evil.example?.amazonaws.com",
            "//bucket.s3.amazonaws.com/a",
        ),
        *("https://evil\u3002amazonaws.com/a", "https://\uff4c\uff4fcalhost/a", "https://127.0.0.1.evil.example/a"),
        *("http://localhost.evil.example/a", "http://169.254.169.254/a", "http://10.0.0.1/a", "http://2130706433/a"),
        *("https://bucket.s3.amazonaws.com:x/a", "https://bucket.s3.amazonaws.com:99999/a", "https://[::1/a"),
        *("", "answer", "https://", "https:///a", "https://.amazonaws.com/a", None, 7, [], {}),
    ],
)
def test_an_answer_goes_nowhere_else(url: Any) -> None:
    with pytest.raises(answer.ForeignUrl) as caught:
        answer.response_url({"ResponseURL": url})
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize(("value", "is_taken"), [("true", True), ("false", False), ("", False)])
def test_under_sam_local_invoke_an_answer_goes_where_the_developer_says(
    monkeypatch: pytest.MonkeyPatch, value: str, *, is_taken: bool
) -> None:
    monkeypatch.setenv("AWS_SAM_LOCAL", value)
    event = {"ResponseURL": "http://host.docker.internal:8080/answer"}
    if is_taken:
        assert answer.response_url(event) == event["ResponseURL"]
    else:
        with pytest.raises(answer.ForeignUrl):
            answer.response_url(event)
