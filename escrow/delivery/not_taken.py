"""Why something could not be delivered: one exception for every channel."""


class NotTaken(Exception):
    """The receiver did not take it; the message says why, and stands in the outbox."""
