"""Refusals of a query in Salesforce's words, with the excerpt and position that it puts before the text (REST API Developer Guide)."""

from __future__ import annotations

from local_org.errors import ApiError

_ASK = "Please reference your WSDL or the describe call for the appropriate names."
_BEFORE, _AFTER = 30, 30


def at(text: str, offset: int, message: str) -> str:
    """Returns the message under an excerpt of the statement whose caret points at `offset`, or alone where the place is unknown."""
    if not text:
        return message
    row = text.count("\n", 0, offset) + 1
    line_start = text.rfind("\n", 0, offset) + 1
    line_end = text.find("\n", offset)
    start = max(line_start, offset - _BEFORE)
    excerpt = text[start : min(len(text) if line_end < 0 else line_end, offset + _AFTER)]
    caret = " " * (offset - start) + "^"
    return f"\n{excerpt}\n{caret}\nERROR at Row:{row}:Column:{offset - line_start + 1}\n{message}"


def malformed(text: str, offset: int, message: str) -> ApiError:
    """Returns a MALFORMED_QUERY."""
    return ApiError(400, "MALFORMED_QUERY", at(text, offset, message))


def no_field(text: str, offset: int, name: str, entity: str) -> ApiError:
    """Returns the refusal of a field that does not exist, or that field-level security hides: the two look alike."""
    return ApiError(
        400,
        "INVALID_FIELD",
        at(
            text,
            offset,
            f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, "
            f"be sure to append the '__c' after the custom field name. {_ASK}",
        ),
    )


def no_relationship(text: str, offset: int, name: str) -> ApiError:
    """Returns the refusal of an unknown parent relationship."""
    return ApiError(
        400,
        "INVALID_FIELD",
        at(
            text,
            offset,
            f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, "
            f"be sure to append the '__r' after the custom relationship name. {_ASK}",
        ),
    )


def no_object(text: str, offset: int, name: str) -> ApiError:
    """Returns the refusal of an object that does not exist, or that the user may not read: the two look alike."""
    return ApiError(
        400,
        "INVALID_TYPE",
        at(
            text,
            offset,
            f"sObject type '{name}' is not supported. If you are attempting to use a custom object, "
            f"be sure to append the '__c' after the entity name. {_ASK}",
        ),
    )


def no_children(text: str, offset: int, name: str) -> ApiError:
    """Returns the refusal of an unknown child relationship in a sub-select."""
    return ApiError(
        400,
        "INVALID_TYPE",
        at(
            text,
            offset,
            f"Didn't understand relationship '{name}' in FROM part of query call. If you are attempting to use a custom "
            f"relationship, be sure to append the '__r' after the custom relationship name. {_ASK}",
        ),
    )


def bad_field(text: str, offset: int, message: str) -> ApiError:
    """Returns an INVALID_FIELD: the field exists and cannot be used like this."""
    return ApiError(400, "INVALID_FIELD", at(text, offset, message))
