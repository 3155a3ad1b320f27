"""A local stand-in for Twilio and the phones behind it, for trying out and for tests. Never imported by the product."""
