"""Images, sounds and documents within requests: not scanned as texts, and sent as they were."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from promethios.governance.adapters.media import put_back, shown

IMAGE = b64encode(bytes(range(256)) * 4).decode()
TEXT = "The card of Jane is 4111 1111 1111 1111, and she likes to pay with it on Mondays."
DOCUMENT = b64encode(TEXT.encode()).decode()
URL = f"data:image/png;base64,{IMAGE}"


@pytest.mark.parametrize(
    ("part", "seen"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "<image/png: 1024 bytes>"},
            },
        ),
        (
            {"inlineData": {"mimeType": "audio/wav", "data": IMAGE}},
            {"inlineData": {"mimeType": "audio/wav", "data": "<audio/wav: 1024 bytes>"}},
        ),
        (
            {"image": {"format": "png", "source": {"bytes": IMAGE}}},
            {"image": {"format": "png", "source": {"bytes": "<png: 1024 bytes>"}}},
        ),
        (
            {"image": {"format": "png", "source": {"bytes": b"abc"}}},
            {"image": {"format": "png", "source": {"bytes": "<png: 3 bytes>"}}},
        ),
        (
            {"input_audio": {"format": "mp3", "data": IMAGE}},
            {"input_audio": {"format": "mp3", "data": "<mp3: 1024 bytes>"}},
        ),
        (
            {"image_url": {"url": URL}},
            {"image_url": {"url": "data:image/png;base64,<image/png: 1024 bytes>"}},
        ),
        (
            {"document": {"format": "txt", "source": {"bytes": DOCUMENT}}},
            {"document": {"format": "txt", "source": {"bytes": TEXT}}},
        ),
        ({"file_data": f"data:text/csv;base64,{DOCUMENT}"}, {"file_data": TEXT}),
    ],
    ids=["anthropic", "google", "bedrock", "bytes", "sound", "data url", "document", "data url of text"],
)
def test_policies_see_what_media_are_and_what_documents_say(part: Any, seen: Any) -> None:
    request = {"messages": [part, {"text": "hi"}]}
    looked_at = shown(request)
    assert looked_at == {"messages": [seen, {"text": "hi"}]}
    assert put_back(request, looked_at, looked_at) is request


def test_media_are_sent_as_they_were_beside_what_is_redacted() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": IMAGE}}
    request = {"parts": [image, {"text": "secret"}]}
    seen = shown(request)
    redacted = {"parts": [seen["parts"][0], {"text": "[REDACTED]"}]}
    sent = put_back(request, seen, redacted)
    assert sent == {"parts": [image, {"text": "[REDACTED]"}]}
    assert request["parts"][1] == {"text": "secret"}


@pytest.mark.parametrize("head", ["", "data:text/plain;base64,"])
def test_a_document_is_encoded_anew_after_redaction(head: str) -> None:
    request = {"mimeType": "text/plain", "data": head + DOCUMENT}
    sent = put_back(request, shown(request), {"mimeType": "text/plain", "data": "no card here"})
    assert b64decode(sent["data"].removeprefix(head)) == b"no card here"
    assert sent["data"].startswith(head)


@pytest.mark.parametrize(
    "value",
    [
        {"data": "4111 1111 1111 1111", "mimeType": "image/png"},
        {"data": "4111111111111111", "mimeType": "image/png"},
        {"data": TEXT, "mimeType": "image/png"},
        {"data": IMAGE},
        {"url": "data:text/plain,hello"},
        {"url": f"data:image/png;base64,{TEXT}"},
        {"data": b64encode(b"\xff" * 99).decode(), "mimeType": "text/plain"},
        {"text": "data: all of it"},
        [1, None, True, 2.5, ("a", "b")],
    ],
    ids=[
        "spaced",
        "digits",
        "no base64",
        "no kind",
        "no base64 url",
        "text url",
        "no text",
        "prose",
        "plain",
    ],
)
def test_what_is_no_medium_is_scanned_as_it_stands(value: Any) -> None:
    assert shown(value) is value


def test_what_is_within_itself_ends() -> None:
    endless: dict[str, Any] = {"data": IMAGE, "mimeType": "image/png"}
    endless["again"] = [endless, endless]
    assert shown(endless)["data"] == "<image/png: 1024 bytes>"
