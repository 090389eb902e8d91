"""How drivers talk to instruments: connections, sessions that stay in step, binary blocks."""
