"""Our credentials go to one form of address only, and a file is what its first bytes say."""

import pytest
from hypothesis import given, strategies as st

from workers.media.rules import MediaError, check_content, check_media_url, check_redirect
from workers.media.sniff import GIF, JPEG, MARKUP, PLAIN, PNG, UNKNOWN, FileType, sniff

AC, OTHER = "AC" + "1" * 32, "AC" + "2" * 32
MM, ME = "MM" + "a" * 32, "ME" + "b" * 32
PATH = f"/2010-04-01/Accounts/{AC}/Messages/{MM}/Media/{ME}"
GOOD = f"https://api.twilio.com{PATH}"


def test_the_address_of_a_file_of_this_message_is_taken() -> None:
    assert check_media_url(GOOD, account_sid=AC, message_sid=MM) == GOOD


@pytest.mark.parametrize(
    "url",
    [
        f"http://api.twilio.com{PATH}",
        f"https://api.twilio.com.evil.example{PATH}",
        f"https://evil.example{PATH}",
        f"https://api.twilio.com@evil.example{PATH}",
        f"https://user:word@api.twilio.com{PATH}",
        f"https://api.twilio.com:8443{PATH}",
        f"https://api.twilio.com:443{PATH}",
        f"https://api.twilio.com\\@evil.example{PATH}",
        f"https://169.254.169.254{PATH}",
        f"https://localhost{PATH}",
        f"https://[::1]{PATH}",
        f"//api.twilio.com{PATH}",
        f"file://api.twilio.com{PATH}",
        f"{GOOD}/../../../../Calls.json",
        f"https://api.twilio.com/x/..{PATH}",
        f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Messages/../Media/{ME}",
        f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Messages/{MM}/Media/{ME}%2f..",
        f"{GOOD}?to=evil",
        f"{GOOD}#evil",
        f"{GOOD}.json",
        f"{GOOD}\n",
        f" {GOOD}",
        f"https://api.twilio.com/2010-04-01/Accounts/{AC}.json",
        "",
    ],
)
def test_no_other_form_is(url: str) -> None:
    with pytest.raises(MediaError, match="not one of Twilio's media"):
        check_media_url(url, account_sid=AC, message_sid=MM)


def test_nor_another_account_or_message() -> None:
    with pytest.raises(MediaError, match="another account"):
        check_media_url(GOOD, account_sid=OTHER, message_sid=MM)
    with pytest.raises(MediaError, match="another message"):
        check_media_url(GOOD, account_sid=AC, message_sid="MM" + "c" * 32)


@pytest.mark.parametrize(
    "location",
    [
        "https://mms.twiliocdn.com/AC1/abc?x=1",
        "https://media.twiliocdn.com:443/AC1/abc",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/abc",
    ],
)
def test_twilio_may_send_us_to_its_content_network(location: str) -> None:
    assert check_redirect(location) == location


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/elsewhere",
        "http://mms.twiliocdn.com/a",
        "https://twiliocdn.com.evil.example/a",
        "https://eviltwiliocdn.com/a",
        "https://mms.twiliocdn.com@evil.example/a",
        "https://mms.twiliocdn.com:8080/a",
        "https://mms.twiliocdn.com:x/a",
        "https://evil.example\\.twiliocdn.com/a",
        "https://mms.twiliocdn.com/a b",
        "https://mms.twiliocdn.com/\r\nX: y",
        "https://s3-external-1.amazonaws.com/evil/abc",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/../evil/abc",
        "https://127.0.0.1/a",
        "http://169.254.169.254/latest/meta-data",
        "https://[::1]/a",
        "https://api.twilio.com/2010-04-01/Accounts.json",
        "file:///etc/passwd",
    ],
)
def test_and_nowhere_else(location: str) -> None:
    with pytest.raises(MediaError, match="Twilio redirects"):
        check_redirect(location)


@given(st.text())
def test_whatever_an_address_is_the_answer_is_a_refusal(word: str) -> None:
    with pytest.raises(MediaError):
        check_media_url(word, account_sid=AC, message_sid=MM)
    with pytest.raises(MediaError):
        check_redirect(word)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\xff\xd8\xff\xe0", JPEG),
        (b"\x89PNG\r\n\x1a\n", PNG),
        (b"GIF89a", GIF),
        (b"RIFF\0\0\0\0WEBPVP8 ", FileType("image/webp", ".webp")),
        (b"RIFF\0\0\0\0WAVEfmt ", FileType("audio/wav", ".wav")),
        (b"\0\0\0\x18ftypheic", FileType("image/heic", ".heic")),
        (b"\0\0\0\x18ftyp3gp5", FileType("video/3gpp", ".3gp")),
        (b"\0\0\0\x18ftypisom", FileType("video/mp4", ".mp4")),
        (b"#!AMR\n", FileType("audio/amr", ".amr")),
        (b"%PDF-1.7", FileType("application/pdf", ".pdf")),
        (b"BEGIN:VCARD\r\n", FileType("text/vcard", ".vcf")),
        ("Grüße".encode()[:4], PLAIN),
        (b"\xef\xbb\xbf \n<!doctype html>", MARKUP),
        (b"<svg xmlns=", MARKUP),
        (b"\x7fELF\0", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head: bytes, found: FileType) -> None:
    assert sniff(head) == found


@pytest.mark.parametrize(
    ("head", "declared", "why"),
    [
        (b"<html>hello", "image/png", "a page"),
        (b"<html>hello", "text/plain", "a page"),
        (b"hello", "image/png", "declared as image, and is text"),
        (b"%PDF-1.7", "IMAGE/JPEG", "declared as image, and is application/pdf"),
        (b"\x7fELF\0", "video/mp4", "declared as video, and is unknown"),
        (b"\xff\xd8\xff", "audio/amr", "declared as audio, and is image/jpeg"),
        (b"", "image/png", "empty"),
    ],
)
def test_what_poses_as_something_else_is_refused(head: bytes, declared: str, why: str) -> None:
    with pytest.raises(MediaError, match=why):
        check_content(head, declared)


@pytest.mark.parametrize(
    ("head", "declared", "found"),
    [
        (b"GIF89a", "image/png", GIF),
        (b"\0\0\0\x18ftypM4A ", "video/mp4", FileType("audio/mp4", ".m4a")),
        (b"\x7fELF\0", "application/x-thing", UNKNOWN),
        (b"\xff\xd8\xff", "", JPEG),
    ],
)
def test_within_its_family_the_content_decides(head: bytes, declared: str, found: FileType) -> None:
    assert check_content(head, declared) == found
