"""Pictures and files: those that come with a text, and those that an agent answers with."""
