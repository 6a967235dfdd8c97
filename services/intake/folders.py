"""What the folders of a mailbox are called: pure, since settings are checked by it, too."""


def comparable(name: str, delimiter: str = "/") -> str:
    """A name by which a folder is told from others: INBOX, alone, is the same in any case."""
    first, *others = name.split(delimiter)
    return delimiter.join([first.upper() if first.upper() == "INBOX" else first, *others])
