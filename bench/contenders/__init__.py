"""Worker processes that are measured; each is one small module with the same functions and the same arguments."""
