"""What a number's country asks of its sender. Pure; the phonenumbers library is imported on first use.

Source: twilio.com/docs/messaging/compliance/a2p-10dlc: US local numbers that text people in the US must be registered;
toll-free numbers are verified in another way.
"""


def needs_a2p(number: str) -> bool:
    """Whether this is a US number that is not toll-free."""
    import phonenumbers  # 125 ms

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    is_toll_free = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.TOLL_FREE
    return phonenumbers.region_code_for_number(parsed) == "US" and not is_toll_free
