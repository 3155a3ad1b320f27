"""`/v1`: sending texts and seeing what became of them, for programs that hold a token.

Each handler parses, decides (pure functions), makes one call and answers. Errors are problem documents (RFC 9457).
"""
