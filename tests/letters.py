"""Letters that titles are reached by."""


def mnemonic(title: str) -> str:
    """The letter after the ampersand, as in Qt: two of them are one that is shown."""
    return title.replace("&&", "").partition("&")[2][:1].lower()
