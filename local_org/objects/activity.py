"""EmailMessage, its relations, and the Case and Task that it hangs on, as data (Object Reference, EmailMessage)."""

from __future__ import annotations

from local_org.objects import make as m
from local_org.objects.fields import SObject, Value

RELATED = ("Account", "Case", "Opportunity")
STATUSES = (Value("0", "New"), Value("1", "Read"), Value("2", "Replied"), Value("3", "Sent"), Value("4", "Forwarded"), Value("5", "Draft"))
BODY = 131072

EMAIL_MESSAGE = SObject(
    "EmailMessage", "Email Message", "Email Messages", "02s",
    (
        m.record_id(), m.ref("ParentId", "Case", "NC", child_relationship="EmailMessages", cascade_delete=True),
        m.ref("ActivityId", "Task", "NC", relationship=None), *m.audit(),
        m.area("TextBody", BODY), m.area("HtmlBody", BODY), m.area("Headers", 32000), m.text("Subject", 3000), m.name_field(255, "", permissionable=False),
        m.text("FromName", 1000), m.make("FromAddress", "email", length=1000), m.picklist("ValidatedFromAddress", 1000),
        m.text("ToAddress", 4000), m.text("CcAddress", 4000), m.text("BccAddress", 4000), m.flag("Incoming", "C"), m.flag("HasAttachment"),
        m.picklist("Status", 40, STATUSES, "CU", restricted=True, defaulted_on_create=True, default="0"), m.when("MessageDate", "NCU"), m.is_deleted(),
        m.ref("ReplyToEmailMessageId", "EmailMessage"), m.flag("IsExternallyVisible", "U"), m.text("MessageIdentifier", 255), m.text("ThreadIdentifier", 255),
        m.text("ClientThreadIdentifier", 255), m.ref("FromId", ("Contact", "Lead", "User"), "N", relationship=None), m.flag("IsClientManaged", "C"),
        m.ref("RelatedToId", RELATED, child_relationship="Emails"), m.flag("IsTracked", "CU"), m.flag("IsOpened"),
        m.when("FirstOpenedDate", "NCU"), m.when("LastOpenedDate", "NCU"), m.flag("IsBounced", "CU"), m.ref("EmailTemplateId", "EmailTemplate"),
        m.picklist("AutomationType", 40, ("ConversationInsights", "None"), "NC"),
    ),
    createable=True, updateable=True, deletable=True, undeletable=True, replicateable=True, layoutable=True, searchable=True, triggerable=True, access="system:ActivitiesAccess", sharing="parent:RelatedToId",
)

EMAIL_MESSAGE_RELATION = SObject(
    "EmailMessageRelation", "Email Message Relation", "Email Message Relations", "0CZ",
    (
        m.record_id(), m.ref("EmailMessageId", "EmailMessage", "C", child_relationship="EmailMessageRelations", cascade_delete=True),
        m.ref("RelationId", ("Contact", "Lead", "User"), permissionable=False, child_relationship="EmailMessageRelations", cascade_delete=True),
        m.picklist("RelationType", 40, ("ToAddress", "CcAddress", "BccAddress", "FromAddress", "OtherAddress"), "C", restricted=True),
        m.make("RelationAddress", "string", "NC", length=1000, permissionable=False),
        m.picklist("RelationObjectType", 40, ("Contact", "Lead", "User"), "N", permissionable=False), *m.created(), m.stamp(), m.is_deleted(),
    ),
    createable=True, updateable=True, deletable=True, replicateable=True, access="system:ActivitiesAccess", sharing="parent:EmailMessageId",
)

CASE = SObject(
    "Case", "Case", "Cases", "500",
    (
        m.record_id(), m.is_deleted(), m.text("CaseNumber", 30, "", name_field=True, permissionable=False, defaulted_on_create=True),
        m.ref("ContactId", "Contact", child_relationship="Cases"), m.ref("AccountId", "Account", child_relationship="Cases"),
        m.text("Subject", 255), m.area("Description", 32000), m.picklist("Status", 255, ("New", "Working", "Escalated", "Closed"), "NCU", default="New", permissionable=False),
        m.flag("IsClosed"), m.owner(), *m.audit(), *m.seen(),
    ),
    createable=True, updateable=True, deletable=True, undeletable=True, replicateable=True, layoutable=True, searchable=True, triggerable=True, access="object", sharing="owner",
)

TASK = SObject(
    "Task", "Task", "Tasks", "00T",
    (
        m.record_id(), m.ref("WhoId", ("Contact", "Lead"), relationship="Who", child_relationship="Tasks"),
        m.ref("WhatId", RELATED, relationship="What", child_relationship="Tasks", cascade_delete=True),
        m.make("Subject", "combobox", length=255, name_field=True, permissionable=False), m.day("ActivityDate"),
        m.picklist("Status", 255, ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"), "CU", default="Not Started", defaulted_on_create=True),
        m.picklist("Priority", 255, ("High", "Normal", "Low"), "CU", default="Normal", defaulted_on_create=True), m.owner(), m.area("Description", 32000),
        m.is_deleted(), m.ref("AccountId", "Account", "N", permissionable=False), m.flag("IsClosed"), *m.audit(), m.flag("IsArchived"),
        m.picklist("TaskSubtype", 40, ("Task", "Email", "Call"), "NC", default="Task", permissionable=False), m.when("CompletedDateTime", permissionable=False),
    ),
    createable=True, updateable=True, deletable=True, undeletable=True, replicateable=True, layoutable=True, searchable=True, triggerable=True, access="system:ActivitiesAccess", sharing="parent:WhatId",
)

OBJECTS = (EMAIL_MESSAGE, EMAIL_MESSAGE_RELATION, CASE, TASK)
