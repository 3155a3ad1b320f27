"""Twilio's Agent Connect server with its SMS channel, at its best: it runs in a virtual environment of its own.

The events are authored by its own number, so its channel drops them at once: no call to Twilio, no memory, no agent.
What is measured is what it does before its 200: parse, check the signature, start a task. It stores nothing.
"""

import logging
import sys
from types import SimpleNamespace

import uvicorn
from tac import TAC
from tac.channels.sms import SMSChannel
from tac.context.conversation import ConversationClient
from tac.core.config import TACConfig
from tac.server import TACFastAPIServer, TACServerConfig

PORT = int(sys.argv[1])
ACCOUNT_SID, AUTH_TOKEN, NUMBER = sys.argv[2:5]

logging.disable(logging.WARNING)
# What it would fetch from Twilio at start, and never again.
ConversationClient.get_configuration = lambda *_: SimpleNamespace(memory_store_id="mem_store_0" + "0" * 25)
tac = TAC(
    config=TACConfig(
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        api_key="SK" + "0" * 32,
        api_secret="unused",  # noqa: S106 - it never leaves this process
        phone_number=NUMBER,
        conversation_configuration_id="conv_configuration_00000000000000000000000001",
    )
)
server = TACFastAPIServer(tac=tac, config=TACServerConfig(port=PORT), messaging_channels=[SMSChannel(tac)])

if __name__ == "__main__":
    uvicorn.run(server.app, host="127.0.0.1", port=PORT, log_config=None, access_log=False)
