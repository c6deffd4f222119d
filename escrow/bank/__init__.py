"""The port to the supervising bank, and a sandbox bank behind it that keeps its own books."""
