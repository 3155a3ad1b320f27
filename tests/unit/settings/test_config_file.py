"""The configuration file is found in one order, and read as JSON5 minus what would hide a mistake."""

import os
from pathlib import Path

import pytest

from shared.config_file import find_file, load_file, parse_json5
from shared.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a file in each place, and an empty working folder."""
    for name in ("named.json5", "variable.json5", ".config/textgate/textgate.json5", "work/textgate.json5"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{{redis: {{prefix: "{name[0]}:"}}}}')
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_the_file_is_looked_for_in_the_documented_order(home: Path) -> None:
    environ = {"HOME": str(home), "TEXTGATE_CONFIG": str(home / "variable.json5")}
    assert find_file(home / "named.json5", environ) == home / "named.json5"
    assert find_file(None, environ) == home / "variable.json5"
    del environ["TEXTGATE_CONFIG"]
    assert find_file(None, environ) == Path("textgate.json5")
    Path("textgate.json5").unlink()
    assert find_file(None, environ) == home / ".config/textgate/textgate.json5"
    (home / ".config/textgate/textgate.json5").unlink()
    assert find_file(None, environ) is None


def test_no_file_reads_as_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_file(None, {"HOME": str(tmp_path)}).values == {}
    assert load_file(None, {"HOME": str(tmp_path), "TEXTGATE_CONFIG": " "}).source is None


def test_the_source_is_absolute_even_if_the_name_is_not(home: Path) -> None:
    assert load_file(Path("../named.json5"), {}).source == home / "work/../named.json5"


@pytest.mark.parametrize(("said_by", "config"), [("--config", Path("/no/file")), ("TEXTGATE_CONFIG", None)])
def test_a_file_that_was_named_must_exist(said_by: str, config: Path | None) -> None:
    with pytest.raises(ConfigError) as caught:
        find_file(config, {"TEXTGATE_CONFIG": "/no/file"})
    assert str(caught.value) == f"{said_by}: /no/file does not exist; expected a configuration file"


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b" " * 1_048_577)
    problems = {
        "dangling": "cannot be read (No such file or directory); expected a JSON5 file",
        "loop": "cannot be read (Too many levels of symbolic links); expected a JSON5 file",
        "fifo": "this is no regular file; expected a JSON5 file",
        "": "this is no regular file; expected a JSON5 file",
        "x" * 300: "cannot be read (File name too long); expected a JSON5 file",
        "large": "larger than 1 MiB; expected a smaller file",
    }
    for name, problem in problems.items():
        with pytest.raises(ConfigError) as caught:
            load_file(tmp_path / name, {})
        assert str(caught.value) == f"{tmp_path / name}: {problem}"


@pytest.mark.parametrize(
    "text",
    [
        "{a: {b: [1, 'x'],},}",
        "\ufeff{a: {b: [1, 'x']}}",
        '// comment\n{/* a: 2, */ a: {b: [+1, "x"]} /* { */} // }',
        '{"a": {"b": [0x1, "\\x78"]}}',
        "{a: {\u2028b:\u00a0[1., 'x']}}",
    ],
)
def test_json5_is_read_with_comments_trailing_commas_and_a_byte_order_mark(text: str) -> None:
    assert parse_json5(text.encode(), name="f") == {"a": {"b": [1, "x"]}}


LOOK = "look there, and just before, for a missing quote, comma or bracket"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "f: the file is empty; expected { channels: { sms: { … } } }"),
        (b" // only a comment", "f: the file is empty; expected { channels: { sms: { … } } }"),
        (b"[]", "f: no object at the top; expected { channels: { sms: { … } } }"),
        (b"null", "f: no object at the top; expected { channels: { sms: { … } } }"),
        (b"'text'", "f: no object at the top; expected { channels: { sms: { … } } }"),
        (b"{", "f: the object that starts in line 1, column 1 does not end; expected JSON5"),
        (b"{a: [1,\n 2", "f: the array that starts in line 1, column 5 does not end; expected JSON5"),
        (b"{a: 1,\n b: 'x}", "f: the string that starts in line 2, column 5 does not end; expected JSON5"),
        (b"{a: 1,\n b: 'x\n'}", "f: the string that starts in line 2, column 5 does not end; expected JSON5"),
        (b"{a: 1\n b: 2}", f"f: no JSON5 near line 2, column 2; {LOOK}"),
        (b"{a: 1} x", f"f: no JSON5 near line 1, column 6; {LOOK}"),
        (b"{a: 1e999}", "f: the number in line 1, column 5 cannot be read; expected JSON5"),
        (b"{a: " + b"9" * 5000 + b"}", "f: the number in line 1, column 5 cannot be read; expected JSON5"),
        (b"{a: NaN}", "a: found NaN or Infinity; expected a finite number"),
        (b"{a: [0, -Infinity]}", "a[1]: found NaN or Infinity; expected a finite number"),
        (b"{a: {b: '\\0'}}", "a.b: found a NUL character; expected text without one"),
        (b"{a: '\\uD800'}", f"f: no JSON5 near line 1, column 11; {LOOK}"),
        (b"[" * 100, "f: more than 32 levels deep; expected a flatter file"),
        (b"{a:" * 100_000, "f: more than 32 levels deep; expected a flatter file"),
        (b"{a: 1,\n b: '\xff'}", "f: no UTF-8 text in line 2; save the file as UTF-8"),
        ("{a: 1}".encode("utf-16"), "f: no UTF-8 text in line 1; save the file as UTF-8"),
        (b"\0", f"f: no JSON5 near line 1, column 1; {LOOK}"),
    ],
)
def test_what_is_no_json5_is_refused_by_line_and_column(content: bytes, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_json5(content, name="f")
    assert str(caught.value) == problem
    assert caught.value.__context__ is None  # parsers' exceptions carry what they read, secrets included


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{a: 1, a: 2}", "a: written twice, in line 1 and in line 1; keep one of them"),
        ("{a: 1,\n'a': 1}", "a: written twice, in line 1 and in line 2; keep one of them"),
        ('{a: 1,\n"\\u0061": 1}', "a: written twice, in line 1 and in line 2; keep one of them"),
        ("{\\u0061: 1, a: 1}", "a: written twice, in line 1 and in line 1; keep one of them"),
        ("{a: {b: 1},\n c: {b: 1, /* b: */\n b: 1}}", "c.b: written twice, in line 2 and in line 3; keep one of them"),
        ("{a: [{b: 1}, [0], {b: 1, b: 1}]}", "a[2].b: written twice, in line 1 and in line 1; keep one of them"),
        ("{a: {}, // {a: 1, a: 1}\na: {}}", "a: written twice, in line 1 and in line 2; keep one of them"),
        ("{'': 1, \"\": 1}", "['']: written twice, in line 1 and in line 1; keep one of them"),
        ("{'a\\\nb': 1, ab: 1}", "ab: written twice, in line 1 and in line 2; keep one of them"),
        ("{__proto__: 1, __proto__: 2}", "__proto__: written twice, in line 1 and in line 1; keep one of them"),
    ],
)
def test_a_key_that_is_written_twice_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_json5(text.encode(), name="f")
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "text",
    [
        "{a: 'a', b: {a: 'b, a: 1'}, c: [{a: 1}, {a: 1}]}",
        "{a: \"{a: 1, a: 2}\", b: '\\'a: 1', A: 1}",
        "{a: 1, // a: 2\n b: 1, /* , a: 3 */}",
        "{a: true, 'true': null, Infinity: 0}",
        "{a: [1, 2, 1, 2], b: [[], [], {}, {}]}",
        "{url: 'http://a//b', 'http': 1}",
    ],
)
def test_equal_words_elsewhere_are_no_duplicates(text: str) -> None:
    assert parse_json5(text.encode(), name="f")
