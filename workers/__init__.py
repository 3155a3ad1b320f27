"""The stages behind the queue: agent turn, format, outbound; the arq engine that runs them; the Twilio client."""
