"""SecretRefs lead to variables, files and commands; when they lead nowhere, the error names the key and no value."""

import json
import os
import sys
from pathlib import Path

import pytest

from shared.config_secrets import FileMode, SecretProvider, SecretResolver
from shared.errors import ConfigError
from shared.secrets import Secret, SecretInput, SecretRef, SecretSource

PATH = "channels.sms.authToken"
CANARY = "canary-4f1d"


def resolve(source: str, name: str, *, provider: str = "default", **more: object) -> Secret:
    """Follow one reference; `environ` and `providers` may be given."""
    environ = more.get("environ", {})
    providers = more.get("providers", {})
    assert isinstance(environ, dict)
    assert isinstance(providers, dict)
    reference = SecretRef(source=SecretSource(source), provider=provider, id=name)
    secret = SecretResolver(environ=environ, providers=providers).resolve(SecretInput(reference), path=PATH)
    assert secret is not None
    return secret


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def json_list(words: list[str]) -> str:
    return json.dumps(words)


def test_a_variable_is_read_and_trimmed() -> None:
    secret = resolve("env", "TOKEN", environ={"TOKEN": f" {CANARY}\n"})
    assert secret.reveal() == CANARY
    assert secret.origin == "env TOKEN"


@pytest.mark.parametrize("text", ["$TOKEN", "${TOKEN}"])
def test_the_shorthand_of_openclaw_is_a_variable(text: str) -> None:
    resolver = SecretResolver(environ={"TOKEN": CANARY}, providers={})
    assert resolver.resolve(SecretInput(Secret(text)), path=PATH) == Secret(CANARY)


@pytest.mark.parametrize("text", ["plain", "$token", "$TOKEN ", "${TOKEN}x", "$$TOKEN", "$"])
def test_any_other_text_is_the_secret_itself(text: str) -> None:
    assert SecretResolver(environ={}, providers={}).resolve(SecretInput(Secret(text)), path=PATH) == Secret(text)


@pytest.mark.parametrize(
    ("content", "pointer", "value"),
    [
        (CANARY, "", CANARY),
        (f"{CANARY}\n", "", CANARY),
        (f"{CANARY}\r\n", "", CANARY),
        (f"\ufeff{CANARY}", "", CANARY),
        (f'"{CANARY}"', "#", CANARY),
        (f'{{"token": "{CANARY}"}}', "#/token", CANARY),
        (f'{{"a": {{"b": ["x", "{CANARY}"]}}}}', "#/a/b/1", CANARY),
        (f'{{"a/b": {{"~c": {{"": "{CANARY}"}}}}}}', "#/a~1b/~0c/", CANARY),
        (f'{{"~1": "{CANARY}"}}', "#/~01", CANARY),
        (f'{{"0": "{CANARY}"}}', "#/0", CANARY),
        (f'{{"a#/b": "{CANARY}"}}', "#/a#~1b", CANARY),
    ],
)
def test_a_file_is_the_secret_or_holds_it_at_a_json_pointer(
    tmp_path: Path, content: str, pointer: str, value: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(content)
    assert resolve("file", f"{file}{pointer}").reveal() == value


@pytest.mark.parametrize("folder", ["$CREDENTIALS_DIRECTORY", "${CREDENTIALS_DIRECTORY}"])
def test_a_file_may_lie_where_systemd_shows_a_unit_its_secrets(tmp_path: Path, folder: str) -> None:
    (tmp_path / "token").write_text(f"{CANARY}\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert resolve("file", f"{folder}/token", environ=environ).reveal() == CANARY


@pytest.mark.parametrize("environ", [{}, {"CREDENTIALS_DIRECTORY": ""}])
def test_without_systemd_its_folder_is_no_absolute_path(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="no absolute path"):
        resolve("file", "$CREDENTIALS_DIRECTORY/token", environ=environ)


def test_a_file_may_lie_in_the_home_folder_and_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "data").write_text(CANARY)
    (tmp_path / "token").symlink_to(tmp_path / "data")
    assert resolve("file", "~/token", environ={"HOME": str(tmp_path)}).reveal() == CANARY


@pytest.mark.parametrize(
    ("pointer", "problem"),
    [
        ("#token", f"{PATH}.id: this is no JSON pointer; expected one that starts with /, such as /twilio/token"),
        ("#/a~2", f"{PATH}.id: this is no JSON pointer; expected one that starts with /, such as /twilio/token"),
        ("#/absent", f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/list/2", f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/list/-", f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/list/01", f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/list/\u0661", f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/list/" + "9" * 5000, f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/text/0", f"{PATH}: the JSON pointer leads nowhere; expected it to pick a field that exists"),
        ("#/list", f"{PATH}: the JSON pointer leads to no text; expected it to pick a string"),
        ("#/number", f"{PATH}: the JSON pointer leads to no text; expected it to pick a string"),
        ("#", f"{PATH}: the JSON pointer leads to no text; expected it to pick a string"),
    ],
)
def test_a_json_pointer_that_picks_no_text_is_refused(tmp_path: Path, pointer: str, problem: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(f'{{"list": ["{CANARY}", "b"], "text": "{CANARY}", "number": 4}}')
    with pytest.raises(ConfigError) as caught:
        resolve("file", f"{file}{pointer}")
    assert str(caught.value) == problem


def test_files_that_hold_no_secret_are_refused_without_a_word_of_what_they_hold(tmp_path: Path) -> None:
    files = {
        "empty": b"",
        "blank": b" \n",
        "nul": CANARY.encode() + b"\0x",
        "latin": CANARY.encode() + b"\xff",
        "large": CANARY.encode() * 10_000,
    }
    problems: dict[str, str] = {}
    for name, content in files.items():
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            resolve("file", str(file))
        problems[name] = str(caught.value).replace(str(tmp_path), "")
        assert caught.value.__context__ is None
    assert problems == {
        "empty": f"{PATH}: file /empty gives no secret; expected a text that is not empty",
        "blank": f"{PATH}: file /blank gives no secret; expected a text that is not empty",
        "nul": f"{PATH}: file /nul gives no secret; expected a text that is not empty",
        "latin": f"{PATH}: the secret is no UTF-8 text; expected text",
        "large": f"{PATH}.id: /large is too large; expected at most 65536 bytes",
    }


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("relative/path", "this is no absolute path; expected a path such as /run/secrets/twilio"),
        ("~/token", "this is no absolute path; expected a path such as /run/secrets/twilio"),
        ("", "this is no absolute path; expected a path such as /run/secrets/twilio"),
        (
            "/no/such/file",
            "/no/such/file cannot be read (No such file or directory); expected a file that this user may read",
        ),
        ("/dev/zero", "/dev/zero is no regular file; expected a file that holds the secret"),
        ("/etc", "/etc is no regular file; expected a file that holds the secret"),
        (
            "/" + "x" * 300,
            "/" + "x" * 300 + " cannot be read (File name too long); expected a file that this user may read",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("file", name, environ={"HOME": "nowhere"})
    assert str(caught.value) == f"{PATH}.id: {problem}"


@pytest.mark.parametrize(
    ("name", "environ", "problem"),
    [
        ("TOKEN", {}, f"{PATH}: the variable TOKEN is not set; set it, or point the SecretRef elsewhere"),
        ("TOKEN", {"TOKEN": "  "}, f"{PATH}: the variable TOKEN is not set; set it, or point the SecretRef elsewhere"),
        ("TOKEN", {"TOKEN": "\udcff"}, "TOKEN: this is no UTF-8 text; expected text"),
        *[
            (
                name,
                {name: CANARY},
                f"{PATH}.id: this is no name of a variable; "
                "expected capital letters, digits and _, such as TWILIO_AUTH_TOKEN",
            )
            for name in ("token", "1TOKEN", "_TOKEN", "TO KEN", "TÖKEN", "T" * 129, "TOKEN\n", "${TOKEN}")
        ],
    ],
)
def test_a_variable_that_is_not_there_is_named(name: str, environ: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("env", name, environ=environ)
    assert str(caught.value) == problem


def test_a_command_gives_the_secret_and_sees_our_environment() -> None:
    command = python("import os; print(os.environ['TOKEN'])")
    secret = resolve("exec", json_list(command), environ={"TOKEN": CANARY})
    assert secret.reveal() == CANARY
    assert secret.origin == f"exec {sys.executable}"


def test_a_command_never_meets_a_shell() -> None:
    assert resolve("exec", "/bin/echo '$HOME' ; echo `id`").reveal() == "$HOME ; echo `id`"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("pass show twilio", f"{PATH}.id: this is no absolute command; expected one such as /usr/bin/pass"),
        ("./pass", f"{PATH}.id: this is no absolute command; expected one such as /usr/bin/pass"),
        ("'unclosed", f"{PATH}.id: this is no absolute command; expected one such as /usr/bin/pass"),
        ("[]", f"{PATH}.id: this is no absolute command; expected one such as /usr/bin/pass"),
        ("/no/such/command", f"{PATH}.id: /no/such/command cannot be run; expected a program that this user may run"),
        ("/etc", f"{PATH}: the command cannot be started (Permission denied); expected it to print the secret"),
        ("/bin/false", f"{PATH}: the command ended with status 1; expected it to print the secret"),
        ("/bin/true", f"{PATH}: exec /bin/true gives no secret; expected a text that is not empty"),
        ("/bin/cat /dev/zero", f"{PATH}: the command wrote more than 65536 bytes; expected it to print the secret"),
    ],
)
def test_a_command_that_gives_no_secret_is_refused(name: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("exec", name)
    assert str(caught.value) == problem


def test_a_command_that_fails_does_not_show_what_it_wrote() -> None:
    command = python(f"import sys; print('{CANARY}'); print('{CANARY}', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ConfigError) as caught:
        resolve("exec", json_list(command))
    assert str(caught.value) == f"{PATH}: the command ended with status 3; expected it to print the secret"


def test_a_command_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    sign_of_life = tmp_path / "fifo"
    os.mkfifo(sign_of_life)
    reader = os.open(sign_of_life, os.O_RDONLY | os.O_NONBLOCK)
    script = f"(echo up; exec sleep 60) > {sign_of_life} & wait"
    shell = SecretProvider(
        source=SecretSource.EXEC, command="/bin/sh", args=("-c", script), json_only=False, timeout_ms=1000
    )
    with pytest.raises(ConfigError) as caught:
        resolve("exec", "x", provider="slow", providers={"slow": shell})
    assert str(caught.value) == f"{PATH}: the command was not done after 1 s; expected it to print the secret"
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as fifo:
        assert fifo.read() == b"up\n"  # ends only when the last process that can write is gone


def test_a_command_that_closes_its_output_and_lives_on_is_ended_too() -> None:
    providers = {"slow": exec_provider("import os, time; os.close(1); time.sleep(60)", timeout_ms=700, json_only=False)}
    with pytest.raises(ConfigError, match=r"was not done after 0\.7 s"):
        resolve("exec", "x", provider="slow", providers=providers)


def exec_provider(
    code: str, *, timeout_ms: int = 5000, json_only: bool = True, pass_env: tuple[str, ...] = ()
) -> SecretProvider:
    return SecretProvider(
        source=SecretSource.EXEC,
        command=sys.executable,
        args=("-c", code),
        pass_env=pass_env,
        json_only=json_only,
        timeout_ms=timeout_ms,
    )


def test_a_provider_speaks_the_json_protocol_and_sees_only_what_it_is_passed() -> None:
    code = (
        "import json, os, sys; request = json.load(sys.stdin); assert 'HIDDEN' not in os.environ; "
        "assert request == {'protocolVersion': 1, 'provider': 'vault', 'ids': ['a/b#c']}; "
        "print(json.dumps({'protocolVersion': 1, 'values': {'a/b#c': os.environ['SHOWN']}}))"
    )
    secret = resolve(
        "exec",
        "a/b#c",
        provider="vault",
        providers={"vault": exec_provider(code, pass_env=("SHOWN", "ABSENT"))},
        environ={"SHOWN": CANARY, "HIDDEN": "x"},
    )
    assert secret.reveal() == CANARY
    assert secret.origin == "exec vault"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (CANARY, 'the command\'s answer is not understood; expected {"protocolVersion": 1, "values": {…}}'),
        (
            f'{{"values": ["{CANARY}"]}}',
            'the command\'s answer is not understood; expected {"protocolVersion": 1, "values": {…}}',
        ),
        (f'{{"values": {{"other": "{CANARY}"}}}}', "the command knows no such secret; expected an id that it knows"),
        ("{}", "the command knows no such secret; expected an id that it knows"),
    ],
)
def test_an_answer_that_is_no_answer_is_refused(answer: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("exec", "a", provider="vault", providers={"vault": exec_provider(f"print({answer!r})")})
    assert str(caught.value) == f"{PATH}: {problem}"


def test_a_file_provider_picks_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f'{{"twilio": {{"token": "{CANARY}"}}}}')
    as_json = SecretProvider(source=SecretSource.FILE, path=str(file))
    assert resolve("file", "/twilio/token", provider="vault", providers={"vault": as_json}) == Secret(CANARY)
    file.write_text(f"{CANARY}\n")
    single = SecretProvider(source=SecretSource.FILE, path=str(file), mode=FileMode.SINGLE_VALUE)
    assert resolve("file", "value", provider="vault", providers={"vault": single}) == Secret(CANARY)


def test_a_provider_must_exist_and_be_of_the_same_kind() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("exec", "a", provider="vault")
    assert str(caught.value) == (
        f"{PATH}.provider: unknown provider; define secrets.providers.vault, or leave the provider out"
    )
    with pytest.raises(ConfigError) as caught:
        resolve("exec", "a", provider="vault", providers={"vault": SecretProvider(source=SecretSource.ENV)})
    assert str(caught.value) == f"{PATH}.source: found exec; expected env, which is what secrets.providers.vault is"


def test_a_reference_that_many_accounts_share_is_followed_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    code = f"open({str(runs)!r}, 'a').write('x'); print('token')"
    reference = SecretInput(SecretRef(source=SecretSource.EXEC, id=json_list(python(code))))
    resolver = SecretResolver(environ={}, providers={})
    assert {resolver.resolve(reference, path=f"accounts.{n}") for n in range(3)} == {Secret("token")}
    assert runs.read_text() == "x"
