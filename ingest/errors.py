"""What a user can mend."""


class MendableError(Exception):
    """Something that whoever runs a command can put right. The message says what is wrong, where, and what to do about it; the
    command tells it in a line and ends with 1."""
