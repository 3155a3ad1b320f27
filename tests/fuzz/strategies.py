"""Hypothesis strategies: forms of any text, signed rightly or wrongly, for this account or another."""

import itertools
from urllib.parse import quote_plus, urlencode

from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from tests.fuzz.gate import ACCOUNTS, LISTED, Webhook
from tests.fuzz.mutations import FORM, NAMES
from tests.fuzz.oracle import Fields, Pair

_numbers = itertools.count(1)

words = st.text(st.characters(codec="utf-8"), max_size=30)
addresses = st.sampled_from([*LISTED, "12345", "rcs:agent", "+15550001111"]) | words
pairs = st.tuples(st.sampled_from(NAMES) | words, words)


@st.composite
def webhooks(draw: st.DrawFn) -> Webhook:
    """One webhook; most are signed rightly, since wrongly signed ones all end the same way."""
    account = draw(st.sampled_from(list(ACCOUNTS.values())))
    form = draw(forms(account.account_sid, account.from_number or "+15550009999", account.messaging_service_sid or ""))
    url = (account.public_webhook_url or "").partition("#")[0]
    query = url.partition("?")[2] or draw(st.sampled_from(["", "", "x=y&x=", "textgate_part=a.0"]))
    base = url.partition("?")[0]
    signed = draw(st.sampled_from([base] * 8 + [base.replace(".com/", ".com:443/"), f"{base}/", base.upper()]))
    token = draw(st.sampled_from([*account.signing_tokens] * 8 + [ACCOUNTS["open"].signing_tokens[0]])).reveal()
    made = RequestValidator(token).compute_signature(f"{signed}?{query}" if query else signed, Fields(form))  # type: ignore[no-untyped-call]
    body = (spelled_out(form) if draw(st.booleans()) else urlencode(form)).encode()
    return Webhook(
        path=account.webhook_path,
        query=query.encode(),
        headers=((b"content-type", FORM), (b"x-twilio-signature", made.encode())),
        chunks=(body,),
    )


@st.composite
def forms(draw: st.DrawFn, account_sid: str, number: str, service: str) -> list[Pair]:
    """A text's form with anything among it."""
    fresh = f"SM{next(_numbers):032x}"
    known = [
        ("MessageSid", draw(st.sampled_from([fresh] * 5 + [f"SM{1:032x}"]) | words)),
        ("AccountSid", draw(st.sampled_from([account_sid] * 9 + ["AC1"]))),
        ("From", draw(addresses)),
        ("To", draw(st.sampled_from([number] * 9 + ["+15550003333"]))),
        ("Body", draw(words | st.sampled_from(["STOP", "start", "Help "]))),
        ("NumMedia", draw(st.sampled_from(["0"] * 5 + ["2", "x"]))),
        ("MessagingServiceSid", service),
    ]
    return draw(st.permutations([*known, *draw(st.lists(pairs, max_size=4))]))


def volleys() -> st.SearchStrategy[list[Webhook]]:
    """Several webhooks at once."""
    return st.lists(webhooks(), min_size=1, max_size=25)


def spelled_out(form: list[Pair]) -> str:
    """The same form with every byte percent-encoded, which a receiver must read alike."""
    return "&".join("=".join(percent(text) for text in pair) for pair in form)


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode()) if text else quote_plus(text)
