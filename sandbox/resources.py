"""Accounts, numbers, applications and Messaging Services as Twilio's API shows them. Pure.

Every documented field is there, most of them with what a new resource has. Sources: twilio.com/docs/iam/api/account,
twilio.com/docs/phone-numbers/api/incomingphonenumber-resource, twilio.com/docs/usage/api/applications,
twilio.com/docs/messaging/api/service-resource, …/services-phonenumber-resource, …/usapptoperson-resource.
"""

from typing import Any

from sandbox.config import SandboxAccount, SandboxApplication, SandboxNumber, SandboxService, derived_sid
from sandbox.message import API_VERSION, format_date
from sandbox.webhooks import find_place

MESSAGING = "https://messaging.twilio.com/v1"
_MADE_AT = 1_700_000_000
_MADE = format_date(_MADE_AT)
_MADE_ISO = "2023-11-14T22:13:20Z"


def show_account(account: SandboxAccount) -> dict[str, Any]:
    """An account; the auth token stands in it, as at Twilio."""
    uri = f"/{API_VERSION}/Accounts/{account.account_sid}"
    return {
        "auth_token": account.auth_token,
        "date_created": _MADE,
        "date_updated": _MADE,
        "friendly_name": account.friendly_name,
        "owner_account_sid": account.owner_account_sid or account.account_sid,
        "sid": account.account_sid,
        "status": account.status,
        "subresource_uris": {
            "incoming_phone_numbers": f"{uri}/IncomingPhoneNumbers.json",
            "messages": f"{uri}/Messages.json",
        },
        "type": "Trial" if account.trial else "Full",
        "uri": f"{uri}.json",
    }


def show_balance(account: SandboxAccount) -> dict[str, Any]:
    """What is left to spend."""
    return {"account_sid": account.account_sid, "balance": account.balance, "currency": account.currency}


def show_number(number: SandboxNumber) -> dict[str, Any]:
    """A number of an account."""
    return {
        "account_sid": number.account_sid,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": API_VERSION,
        "beta": False,
        "bundle_sid": None,
        "capabilities": {"voice": True, "sms": number.sms, "mms": number.mms, "fax": False},
        "date_created": _MADE,
        "date_updated": _MADE,
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": number.number,
        "identity_sid": None,
        "origin": "twilio",
        "phone_number": number.number,
        "sid": number.sid,
        "sms_application_sid": number.sms_application_sid,
        "sms_fallback_method": number.sms_fallback_method,
        "sms_fallback_url": number.sms_fallback_url,
        "sms_method": number.sms_method,
        "sms_url": number.sms_url,
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "trunk_sid": None,
        "type": "local",
        "uri": f"/{API_VERSION}/Accounts/{number.account_sid}/IncomingPhoneNumbers/{number.sid}.json",
        "voice_application_sid": None,
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": number.voice_url,
    }


def show_application(application: SandboxApplication) -> dict[str, Any]:
    """An application."""
    return {
        "account_sid": application.account_sid,
        "api_version": API_VERSION,
        "date_created": _MADE,
        "date_updated": _MADE,
        "friendly_name": application.friendly_name,
        "message_status_callback": "",
        "public_application_connect_enabled": False,
        "sid": application.sid,
        "sms_fallback_method": application.sms_fallback_method,
        "sms_fallback_url": application.sms_fallback_url,
        "sms_method": application.sms_method,
        "sms_status_callback": "",
        "sms_url": application.sms_url,
        "status_callback": "",
        "status_callback_method": "POST",
        "uri": f"/{API_VERSION}/Accounts/{application.account_sid}/Applications/{application.sid}.json",
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_url": application.voice_url,
    }


def show_service(service: SandboxService) -> dict[str, Any]:
    """A Messaging Service."""
    url = f"{MESSAGING}/Services/{service.sid}"
    return {
        "account_sid": service.account_sid,
        "area_code_geomatch": True,
        "date_created": _MADE_ISO,
        "date_updated": _MADE_ISO,
        "fallback_method": service.fallback_method,
        "fallback_to_long_code": False,
        "fallback_url": service.fallback_url or None,
        "friendly_name": service.friendly_name,
        "inbound_method": service.inbound_method,
        "inbound_request_url": service.inbound_request_url or None,
        "links": {
            "phone_numbers": f"{url}/PhoneNumbers",
            "us_app_to_person": f"{url}/Compliance/Usa2p",
        },
        "mms_converter": True,
        "scan_message_content": "inherit",
        "sid": service.sid,
        "smart_encoding": service.smart_encoding,
        "status_callback": service.status_callback or None,
        "sticky_sender": True,
        "synchronous_validation": False,
        "us_app_to_person_registered": "VERIFIED" in service.campaigns,
        "url": url,
        "use_inbound_webhook_on_number": service.use_inbound_webhook_on_number,
        "usecase": "undeclared",
        "validity_period": 36_000,
    }


def show_pool_number(service: SandboxService, number: str) -> dict[str, Any]:
    """A number in the pool of a service; its SID is that of the number itself."""
    sid = derived_sid("PN", service.account_sid, number)
    return {
        "account_sid": service.account_sid,
        "capabilities": ["SMS", "MMS", "Voice"],
        "country_code": find_place(number).country or "US",
        "date_created": _MADE_ISO,
        "date_updated": _MADE_ISO,
        "phone_number": number,
        "service_sid": service.sid,
        "sid": sid,
        "url": f"{MESSAGING}/Services/{service.sid}/PhoneNumbers/{sid}",
    }


def show_campaign(service: SandboxService, index: int) -> dict[str, Any]:
    """One A2P 10DLC campaign of a service."""
    sid = derived_sid("QE", service.sid, str(index))
    return {
        "account_sid": service.account_sid,
        "age_gated": False,
        "brand_registration_sid": derived_sid("BN", service.account_sid),
        "campaign_id": f"C{index:06}",
        "campaign_status": service.campaigns[index],
        "date_created": _MADE_ISO,
        "date_updated": _MADE_ISO,
        "description": "Answers to texts from customers.",
        "direct_lending": False,
        "errors": [],
        "has_embedded_links": True,
        "has_embedded_phone": False,
        "help_keywords": ["HELP"],
        "help_message": "",
        "is_externally_registered": False,
        "message_flow": "",
        "message_samples": [],
        "messaging_service_sid": service.sid,
        "mock": False,
        "opt_in_keywords": ["START"],
        "opt_in_message": "",
        "opt_out_keywords": ["STOP"],
        "opt_out_message": "",
        "rate_limits": {},
        "sid": sid,
        "subscriber_opt_in": True,
        "url": f"{MESSAGING}/Services/{service.sid}/Compliance/Usa2p/{sid}",
        "us_app_to_person_usecase": "CUSTOMER_CARE",
    }
