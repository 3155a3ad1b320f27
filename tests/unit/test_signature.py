"""Our signature check agrees with Twilio's own SDK on generated requests, and differs only where it must."""

import os
from typing import Any

from hypothesis import given, settings, strategies as st
from twilio.request_validator import RequestValidator

from ingress.signature import is_genuine, port_variants, signature, signed_parameters, url_as_signed
from shared.status_callback import callback_url, part_of_query, signed_callback_url

EXAMPLES = int(os.environ.get("TEXTGATE_EXAMPLES", "1500"))
"""Generated requests per property; `make millions` runs a million of each."""

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
forms = st.lists(st.tuples(text, text), max_size=12)
tokens = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
hosts = st.from_regex(r"[a-z]{1,10}\.example\.com", fullmatch=True)
ports = st.one_of(st.just(""), st.sampled_from([":443", ":80", ":8443"]))
paths = st.from_regex(r"(/[A-Za-z0-9%._~-]{1,8}){1,3}", fullmatch=True)
queries = st.one_of(st.just(""), st.from_regex(r"\?[a-z]=[a-zA-Z0-9%+&=]{0,12}", fullmatch=True))
urls = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}{path}{query}",
    st.sampled_from(["http", "https"]),
    hosts,
    ports,
    paths,
    queries,
)


def sdk(token: str) -> Any:
    """Twilio's own validator; the SDK has no types."""
    return RequestValidator(token)  # type: ignore[no-untyped-call]


class Fields(dict[str, list[str]]):
    """A multi-dict as the SDK takes it from web frameworks."""

    def getall(self, name: str) -> list[str]:
        return self[name]


def fields_of(form: list[tuple[str, str]]) -> Fields:
    fields = Fields()
    for name, value in form:
        fields.setdefault(name, []).append(value)
    return fields


@given(token=tokens, url=urls, form=forms)
@settings(max_examples=EXAMPLES, deadline=None)
def test_every_signature_of_the_sdk_is_accepted_and_the_same(token: str, url: str, form: list[tuple[str, str]]) -> None:
    made = sdk(token).compute_signature(url, fields_of(form))
    assert signature(token, url, signed_parameters(form)) == made
    assert is_genuine(given=made, keys=("other", token), url=url, parameters=signed_parameters(form))


@given(token=tokens, url=urls, form=forms, other=urls)
@settings(max_examples=EXAMPLES, deadline=None)
def test_whatever_we_accept_the_sdk_accepts(token: str, url: str, form: list[tuple[str, str]], other: str) -> None:
    made = sdk(token).compute_signature(other, fields_of(form))
    if is_genuine(given=made, keys=(token,), url=url, parameters=signed_parameters(form)):
        assert sdk(token).validate(url, fields_of(form), made)


@given(token=tokens, url=urls, form=forms, change=st.integers(0, 3), name=text, value=text)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_change_breaks_it(
    token: str, url: str, form: list[tuple[str, str]], change: int, name: str, value: str
) -> None:
    made = signature(token, url, signed_parameters(form))
    if change == 0:
        assert not is_genuine(given=made, keys=(token + "x",), url=url, parameters=signed_parameters(form))
    elif change == 1:
        assert not is_genuine(given=made, keys=(token,), url=url + "x", parameters=signed_parameters(form))
    elif change == 2:
        assert not is_genuine(
            given=made[:-2] + "A=", keys=(token,), url=url, parameters=signed_parameters(form)
        ) or made.endswith("A=")
    elif name + value and (name, value) not in form:
        changed = [*form, (name, value)]
        if signed_parameters(changed) != signed_parameters(form):
            assert not is_genuine(given=made, keys=(token,), url=url, parameters=signed_parameters(changed))


@given(junk=st.text(max_size=60))
def test_junk_is_no_signature(junk: str) -> None:
    assert not is_genuine(given=junk, keys=("token",), url="https://a.example.com/x", parameters=signed_parameters([]))


def test_port_variants_are_the_default_port_only() -> None:
    assert port_variants("https://a.example.com/x") == ("https://a.example.com/x", "https://a.example.com:443/x")
    assert port_variants("https://a.example.com:443/x") == ("https://a.example.com:443/x", "https://a.example.com/x")
    assert port_variants("http://a.example.com/x")[1] == "http://a.example.com:80/x"
    assert port_variants("https://a.example.com:8443/x") == ("https://a.example.com:8443/x",)
    assert port_variants("https://[::1]/x")[1] == "https://[::1]:443/x"
    assert port_variants("https://[::1]:8443/x") == ("https://[::1]:8443/x",)


def test_the_callback_url_keeps_query_and_overrides() -> None:
    ours = "#rc=3&rp=ct,rt,5xx&rt=4000"
    assert callback_url("https://a/x", "p.0") == f"https://a/x?textgate_part=p.0{ours}"
    assert callback_url("https://a/x?t=1", "p.0") == f"https://a/x?t=1&textgate_part=p.0{ours}"
    assert callback_url("https://a/x?t=1#rc=3", "p.0") == "https://a/x?t=1&textgate_part=p.0#rc=3"
    assert signed_callback_url("https://a/x?t=1", "p.0") == "https://a/x?t=1&textgate_part=p.0"
    assert part_of_query("t=1&textgate_part=p.0") == "p.0"
    assert part_of_query("t=1") == ""


def test_the_signed_url_takes_the_requests_query_only_where_it_may() -> None:
    assert url_as_signed("https://a/x", "") == "https://a/x"
    assert url_as_signed("https://a/x", "y=1") == "https://a/x?y=1"
    assert url_as_signed("https://a/x?t=1", "t=1") == "https://a/x?t=1"
    assert url_as_signed("https://a/x?t=1", "evil=2") == "https://a/x?t=1"
    assert url_as_signed("https://a/x?t=1", "t=1&textgate_part=p.0") == "https://a/x?t=1&textgate_part=p.0"
