"""`textgate format` as a process: Markdown in, parts out, with and without a configuration."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Format = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def textgate_format(tmp_path: Path) -> Format:
    """Run the command in an empty home, with this on stdin."""

    def run(markdown: str | bytes, *words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, "-P", "-m", "cli.main", "format", *words],
            input=markdown if isinstance(markdown, bytes) else markdown.encode(),
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


def test_json_holds_the_parts_as_they_would_be_sent(textgate_format: Format) -> None:
    done = textgate_format("**Hi** [you](https://ex.com/a_b) \N{EM DASH} \N{WAVING HAND SIGN}", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {
        "parts": [
            {
                "text": "Hi you (https://ex.com/a_b) \N{EM DASH} \N{WAVING HAND SIGN}",
                "encoding": "UCS-2",
                "segments": 1,
            }
        ]
    }


def test_the_limit_cuts_and_the_price_adds_up(textgate_format: Format) -> None:
    done = textgate_format("One two. " * 40, "--json", "--limit", "160", "--price", "0.0079")
    told = json.loads(done.stdout)
    assert "".join(part["text"] for part in told["parts"]).split() == ("One two. " * 40).split()
    assert max(len(part["text"]) for part in told["parts"]) <= 160
    assert told["cost"] == pytest.approx(0.0079 * len(told["parts"]))


def test_people_get_frames_and_a_sum(textgate_format: Format) -> None:
    done = textgate_format("# Title\n\n- a\n- b")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "╭─ part 1 of 1 GSM-7, 14 units, 1 segment",
        "│ Title",
        "│",
        "│ - a",
        "│ - b",
        "╰─",
        "1 part, 1 segment",
    ]


def test_the_account_decides_how(textgate_format: Format, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text(
        """{channels: {sms: {enabled: false, accounts: {
          first: {smartEncoding: false},
          second: {textChunkLimit: 160, partCounters: true},
        }}}, agent: {stripArtifacts: true}}"""
    )
    reply = "<think>hm</think>\N{LEFT SINGLE QUOTATION MARK}" + "Hi there. " * 30
    (first,) = json.loads(textgate_format(reply, "--json").stdout)["parts"]
    assert first["text"].startswith("\N{LEFT SINGLE QUOTATION MARK}Hi")
    second = json.loads(textgate_format(reply, "--json", "--account", "second").stdout)["parts"]
    assert [part["text"][:9] for part in second] == ["(1/2) 'Hi", "(2/2) Hi "]
    unknown = textgate_format(reply, "--account", "third")
    assert (unknown.returncode, unknown.stdout) == (1, b"")
    assert b"there is no account third: choose one of first, second" in unknown.stderr


def test_no_secret_need_be_at_hand(textgate_format: Format, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text(
        """{channels: {sms: {accountSid: "AC00000000000000000000000000000000", authToken: "${NOT_SET_HERE}",
          fromNumber: "+12025550100", publicWebhookUrl: "https://example.com/sms", partCounters: true}}}"""
    )
    done = textgate_format("Hi. " * 500, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["parts"][0]["text"].startswith("(1/2)")


def test_a_wrong_configuration_is_refused_before_anything_is_read(textgate_format: Format, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text("{channels: {sms: {textChunkLimit: 0}}}")
    done = textgate_format("Hi")
    assert (done.returncode, done.stdout) == (78, b"")
    assert b"channels.sms.textChunkLimit" in done.stderr


@pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "1601"), ("--price", "-1"), ("--limit", "x")])
def test_a_wrong_option_is_not_understood(textgate_format: Format, words: tuple[str, str]) -> None:
    done = textgate_format("Hi", *words)
    assert (done.returncode, done.stdout) == (2, b"")


def test_bytes_that_are_no_text_are_refused_in_one_line(textgate_format: Format) -> None:
    done = textgate_format(b"abc\xff")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"stdin is not UTF-8 (byte 3)" in done.stderr


def test_a_reply_that_shows_nothing_is_no_part(textgate_format: Format) -> None:
    assert json.loads(textgate_format("<!-- nothing -->", "--json").stdout) == {"parts": []}
    assert textgate_format("").stdout.decode().startswith("Nothing would be sent")
