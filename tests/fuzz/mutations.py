"""Makes webhooks: genuine ones, genuine but odd ones, and bytes that were tampered with after they were signed."""

import random
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
from twilio.request_validator import RequestValidator

from shared.settings import Account
from tests.fuzz.gate import ACCOUNTS, LISTED, Webhook
from tests.fuzz.oracle import Fields, Pair

FORM = b"application/x-www-form-urlencoded; charset=UTF-8"
STRANGERS = tuple(f"+1555888{i:04}" for i in range(300))
ODD_SENDERS = (
    "12345",
    "Twilio",
    "rcs:+15557650001",
    "whatsapp:+15557650002",
    "rcs:brand agent",
    "+1",
    " +15557650003 ",
)

NASTY = (
    "", " ", "\x00", "\n", "\r\n", "%00", "%", "%2", "+", "&", "=", "a" * 300, "a" * 33_000, "é", "\u2028", "👩‍👩‍👧",
    "\U0010ffff", "\ufffe", "null", "None", "-1", "1e9", "٣", "²", "0" * 5000, "*", "../../etc/passwd", "'; FLUSHALL",
    "\r\nFLUSHALL\r\n", "{code}", "{0.__class__}", "%s%n", "${jndi:x}", "<Response/>", "STOP", "stop ", "START", "HELP",
    "+15557650001", "+15550001111", "rcs:+15557650001", "MG" + "5" * 32, "SM1:../*", "received", "delivered",
)  # fmt: skip
NAMES = (
    "MessageSid", "SmsSid", "SmsMessageSid", "AccountSid", "MessagingServiceSid", "From", "To", "Body", "NumMedia",
    "MediaUrl0", "MediaContentType0", "OptOutType", "MessageStatus", "ErrorCode", "SmsStatus", "", "Body\x00",
    "__proto__",
)  # fmt: skip
BODIES = (
    "hello", "Hello, how are you?", "ça va ✓", "multi\nline", "a=b&c=d", "100%", "x" * 1600, "", "STOP", "yes",
    "help", "👍",
)  # fmt: skip

_signers = {
    (account.id, secret.reveal()): RequestValidator(secret.reveal())  # type: ignore[no-untyped-call]
    for account in ACCOUNTS.values()
    for secret in account.signing_tokens
}


class Forge:
    """A seeded source of webhooks."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._made = 0
        self._kept: list[Webhook] = []
        """Some of what was sent, to be sent again."""

    def make(self) -> Webhook:
        """One webhook; about a third is genuine as it is."""
        rng = self.rng
        dice = rng.random()
        if dice < 0.05 and self._kept:
            return rng.choice(self._kept)
        account = rng.choice(list(ACCOUNTS.values()))
        pairs = self._text(account) if rng.random() < 0.93 else self._callback(account)
        if dice < 0.45:
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                pairs = rng.choice(ODDITIES)(rng, pairs)
        webhook = self._signed(account, pairs)
        if dice > 0.70:
            for _ in range(rng.choice((1, 1, 1, 2, 5))):
                webhook = rng.choice(TAMPERINGS)(rng, webhook)
        if rng.random() < 0.03:
            self._kept = [*self._kept[-200:], webhook]
        return webhook

    def _text(self, account: Account) -> list[Pair]:
        rng = self.rng
        self._made += 1
        sid = f"SM{self._made:032x}"
        sender = rng.choice((rng.choice(LISTED), rng.choice(STRANGERS), rng.choice(ODD_SENDERS)))
        body = rng.choice(BODIES)
        if body in ("STOP", "yes"):
            sender = f"+1555999{rng.randrange(1000):04}"  # so that not everybody is opted out soon
        pairs = [
            ("ToCountry", "US"),
            ("SmsMessageSid", sid),
            ("NumMedia", "0"),
            ("SmsSid", sid),
            ("FromCity", ""),
            ("SmsStatus", "received"),
            ("Body", body),
            ("To", account.from_number or "+15550009999"),
            ("MessageSid", sid),
            ("AccountSid", account.account_sid),
            ("From", sender),
            ("ApiVersion", "2010-04-01"),
        ]
        if account.messaging_service_sid:
            pairs.append(("MessagingServiceSid", account.messaging_service_sid))
        return pairs

    def _callback(self, account: Account) -> list[Pair]:
        self._made += 1
        return [
            ("MessageSid", f"SM{self._made:032x}"),
            ("MessageStatus", self.rng.choice(("sent", "delivered", "failed", "unheard of", ""))),
            ("AccountSid", account.account_sid),
            ("From", account.from_number or "+15550009999"),
            ("To", self.rng.choice(STRANGERS)),
        ]

    def _signed(self, account: Account, pairs: list[Pair]) -> Webhook:
        rng = self.rng
        url = (account.public_webhook_url or "").partition("#")[0]
        query = rng.choice(("", "", "", "x=y", "a=%20&b=", "textgate_part=nobody.0", "x=1&textgate_part=p.1"))
        if "?" in url:
            part = query.rpartition("textgate_part=")[2] if "textgate_part=" in query else ""
            query = url.partition("?")[2] + (f"&textgate_part={part}" if part else "")
        signed = url.partition("?")[0] + (f"?{query}" if query else "")
        if rng.random() < 0.1:
            signed = signed.replace(".com/", ".com:443/")  # Twilio signs either
        tokens = [token for owner, token in _signers if owner == account.id]
        made = _signers[account.id, rng.choice(tokens)].compute_signature(signed, Fields(pairs))  # type: ignore[no-untyped-call]
        body = urlencode(pairs).encode()
        return Webhook(
            path=account.webhook_path,
            query=query.encode(),
            headers=(
                (b"host", b"gate.example.com"),
                (b"content-type", FORM),
                (b"content-length", str(len(body)).encode()),
                (b"x-twilio-signature", made.encode()),
            ),
            chunks=(body,),
        )


# Before signing: genuine, but odd


def drop_field(rng: random.Random, pairs: list[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair is not rng.choice(pairs)] if pairs else pairs


def change_value(rng: random.Random, pairs: list[Pair]) -> list[Pair]:
    if not pairs:
        return pairs
    at = rng.randrange(len(pairs))
    return [*pairs[:at], (pairs[at][0], rng.choice(NASTY)), *pairs[at + 1 :]]


def add_field(rng: random.Random, pairs: list[Pair]) -> list[Pair]:
    at = rng.randrange(len(pairs) + 1)
    return [*pairs[:at], (rng.choice(NAMES), rng.choice(NASTY)), *pairs[at:]]


def repeat_field(rng: random.Random, pairs: list[Pair]) -> list[Pair]:
    return [*pairs, *rng.choices(pairs, k=rng.choice((1, 2, 190)))] if pairs else pairs


def shuffle(rng: random.Random, pairs: list[Pair]) -> list[Pair]:
    return rng.sample(pairs, len(pairs))


def claim_media(rng: random.Random, pairs: list[Pair]) -> list[Pair]:
    count = rng.choice((1, 3, 10, 11, 99))
    urls = [(f"MediaUrl{i}", f"https://api.twilio.com/media/{i}") for i in range(count)]
    return [pair for pair in pairs if pair[0] != "NumMedia"] + [("NumMedia", str(count)), *urls]


ODDITIES: tuple[Callable[[random.Random, list[Pair]], list[Pair]], ...] = (
    drop_field, change_value, change_value, change_value, add_field, add_field, repeat_field, shuffle, claim_media,
)  # fmt: skip


# After signing: tampered with


def flip_bytes(rng: random.Random, webhook: Webhook) -> Webhook:
    body = bytearray(webhook.body)
    for _ in range(rng.choice((1, 1, 2, 8)) if body else 0):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return msgspec.structs.replace(webhook, chunks=(bytes(body),))


def splice(rng: random.Random, webhook: Webhook) -> Webhook:
    body, at = webhook.body, rng.randrange(len(webhook.body) + 1)
    piece = rng.choice(
        (b"", b"&", b"=", b"%", b"%zz", b"%ff", b"+", b"&From=%2B15557650001", b"\x00", b";", rng.randbytes(20))
    )
    return msgspec.structs.replace(webhook, chunks=(body[:at] + piece + body[at + rng.choice((0, 0, 1, 9)) :],))


def truncate(rng: random.Random, webhook: Webhook) -> Webhook:
    return msgspec.structs.replace(webhook, chunks=(webhook.body[: rng.randrange(len(webhook.body) + 1)],))


def replace_body(rng: random.Random, webhook: Webhook) -> Webhook:
    body = rng.choice((b"", b"{}", b"&&&", b"=", b"a", b"x" * 40_000, b"a=1&" * 5000, rng.randbytes(200)))
    return msgspec.structs.replace(webhook, chunks=(body,))


def cut_into_chunks(rng: random.Random, webhook: Webhook) -> Webhook:
    size = rng.choice((1, 7, 100))
    chunks = tuple(webhook.body[at : at + size] for at in range(0, min(len(webhook.body), 3000), size))
    return msgspec.structs.replace(webhook, chunks=(*chunks, webhook.body[3000:], b""))


def hang_up(_: random.Random, webhook: Webhook) -> Webhook:
    return msgspec.structs.replace(webhook, hangs_up=True)


def stall(rng: random.Random, webhook: Webhook) -> Webhook:
    """Rarely: each one costs the whole volley the time limit of a body."""
    return msgspec.structs.replace(webhook, stalls=rng.random() < 0.02)


def change_header(rng: random.Random, webhook: Webhook) -> Webhook:
    name = rng.choice((b"x-twilio-signature", b"content-type", b"content-length", b"host", b"x-forwarded-host",
                       b"x-forwarded-for", b"x-twilio-webhooks-signature-settings"))  # fmt: skip
    value = rng.choice((b"", b"x", b"\xff\xfe", b"9" * 20, b"-1", b"application/json", FORM.upper(), b"text/plain",
                        b"key=k,algorithm=HMAC_SHA256", b"algorithm=HMAC_SHA1", b"algorithm=none", b"a" * 5000,
                        b"gate.example.com:443", b"[::1", b"evil.example.com, x", rng.randbytes(28)))  # fmt: skip
    kept = tuple(header for header in webhook.headers if header[0] != name)
    return msgspec.structs.replace(webhook, headers=kept if rng.random() < 0.2 else (*kept, (name, value)))


def change_method(rng: random.Random, webhook: Webhook) -> Webhook:
    return msgspec.structs.replace(
        webhook, method=rng.choice(("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", "X" * 50, ""))
    )


def change_path(rng: random.Random, webhook: Webhook) -> Webhook:
    paths = [*(account.webhook_path for account in ACCOUNTS.values()), "/", "", "/open/", "//open", "/open/../off",
             "/OPEN", "/open\x00", "/é", "/healthz", "/readyz", "/v1/messages", "*"]  # fmt: skip
    return msgspec.structs.replace(webhook, path=rng.choice(paths))


def change_query(rng: random.Random, webhook: Webhook) -> Webhook:
    queries = (b"", b"x", b"%", b"\xff", b"a" * 3000, b"textgate_part=", b"textgate_part=p.0", b"bodySHA256=00", b"?")
    return msgspec.structs.replace(webhook, query=rng.choice(queries))


TAMPERINGS: tuple[Callable[[random.Random, Webhook], Webhook], ...] = (
    flip_bytes, flip_bytes, splice, splice, truncate, replace_body, cut_into_chunks, cut_into_chunks, hang_up, stall,
    change_header, change_header, change_method, change_path, change_path, change_query,
)  # fmt: skip
