"""Texts out of an image, made harmless: whoever wrote the image wrote them too."""


def printable(text: str) -> str:
    """Give *text* for a terminal: what a person cannot see, or a terminal would obey, is escaped."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def encodable(text: str) -> str:
    r"""Give *text* for JSON: bytes that are no UTF-8 (held as surrogates) become ``\xNN``."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
