"""Texts about the integration user: who it is, its licence, and its user permissions."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.setup.outcome import Outcome
from orchestration.setup.texts.form import ADMIN, Text

TEXTS: Mapping[str, Text] = {
    "is_a_person": Text(
        Outcome.ADVICE,
        "{user} is a person: {why}.",
        "When this person leaves or changes the password, the sync stops.",
        "Everything works for now.",
        ADMIN,
        "Setup › Users › New User: make a user for the integration that belongs to nobody, and run `fluint connect` with it",
    ),
    "too_many_rights": Text(
        Outcome.ADVICE,
        "{user} may do more than the sync needs: {rights}.",
        "None; but whoever gets hold of the connection may do it too.",
        "Everything works.",
        ADMIN,
        "{holder} › System Permissions › Edit › clear {rights} › Save",
    ),
    "assignment_expires": Text(
        Outcome.ADVICE,
        "The permission set {label} is assigned to {user} until {ends:%Y-%m-%d} only.",
        "After that day fields or records that it grants are missing.",
        "Everything works until then.",
        ADMIN,
        "Setup › Permission Sets › {label} › Manage Assignments › the integration user › Edit Expiration › No expiration",
    ),
    "platform_licence": Text(
        Outcome.STOPS,
        "{user} has the user licence {licence}, which does not open opportunities.",
        "Fluint gets no deals.",
        "What was read stays and can be queried.",
        ADMIN,
        "Setup › Users › the integration user › Edit › User License › choose 'Salesforce', and a profile of it › Save",
    ),
    "view_setup_missing": Text(
        Outcome.FEATURE,
        "{user} lacks 'View Setup and Configuration'.",
        "Most of this check, the file limits and the page layouts cannot be told; what is wrong there shows only by its consequences.",
        "Deals, contacts and mails are read all the same.",
        ADMIN,
        "{holder} › System Permissions › Edit › tick 'View Setup and Configuration' › Save",
    ),
    "not_asked": Text(
        Outcome.UNTESTED,
        "{what} could not be asked for, because {why}.",
        "Nothing by itself.",
        "What was read stays and can be queried.",
        ADMIN,
        "Mend what stops the sync first, then run `fluint check` again",
    ),
    "not_visible": Text(
        Outcome.UNTESTED,
        "{what} could not be tested: {reason}.",
        "Nothing by itself.",
        "Everything that does not depend on it.",
        ADMIN,
        "{step}",
    ),
}
