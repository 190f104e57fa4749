"""ContentVersion, ContentDocument and ContentDocumentLink as data (Object Reference, ContentVersion). Their rules are in local_org/files.py."""

from __future__ import annotations

from local_org.objects import make as m
from local_org.objects.fields import SObject, Value

ENTITIES = ("Account", "Case", "Contact", "EmailMessage", "Opportunity", "Organization", "Task", "User")
SHARING_OPTIONS = (Value("A", "Freeze Sharing Off"), Value("R", "Freeze Sharing On"))
PRIVACY = (Value("N", "Visible to Anyone With Record Access"), Value("P", "Private on Records"))
PUBLISH = (Value("U", "Upload Interrupted"), Value("P", "Public"), Value("R", "Personal Library"))

CONTENT_VERSION = SObject(
    "ContentVersion",
    "Content Version",
    "Content Versions",
    "068",
    (
        m.record_id(),
        m.ref(
            "ContentDocumentId",
            "ContentDocument",
            "C",
            child_relationship="ContentVersions",
            cascade_delete=True,
            defaulted_on_create=True,
        ),
        m.flag("IsLatest"),
        m.make("ContentUrl", "url", length=1300, permissionable=False),
        m.text("VersionNumber", 20, "N", permissionable=False),
        m.text("Title", 255, "CU", name_field=True, defaulted_on_create=True),
        m.area("Description", 1000),
        m.area("ReasonForChange", 1000, permissionable=False),
        m.picklist(
            "SharingOption", 40, SHARING_OPTIONS, "CU", defaulted_on_create=True, default="A", restricted=True
        ),
        m.picklist(
            "SharingPrivacy", 40, PRIVACY, "CU", defaulted_on_create=True, default="N", restricted=True
        ),
        m.text("PathOnClient", 500, "NC", permissionable=False),
        m.is_deleted(),
        m.when("ContentModifiedDate", "NC", permissionable=False),
        m.ref("ContentModifiedById", "User", "N", permissionable=False),
        m.owner(),
        *m.audit(),
        m.text("FileType", 20, "", defaulted_on_create=True),
        m.picklist("PublishStatus", 40, PUBLISH, "", restricted=True, default="R"),
        m.make(
            "VersionData",
            "base64",
            "NCU",
            filterable=False,
            sortable=False,
            groupable=False,
            permissionable=False,
        ),
        m.integer("ContentSize", permissionable=False),
        m.text("FileExtension", 40, "N", permissionable=False),
        m.ref("FirstPublishLocationId", ENTITIES, "NC", permissionable=False),
        m.picklist(
            "Origin",
            40,
            (Value("C", "Content"), Value("H", "Chatter")),
            "C",
            defaulted_on_create=True,
            default="C",
            restricted=True,
        ),
        m.picklist(
            "ContentLocation",
            40,
            (Value("S", "Salesforce"), Value("E", "External"), Value("L", "Social Customer Service")),
            "C",
            defaulted_on_create=True,
            default="S",
            restricted=True,
        ),
        m.text("Checksum", 50, "N", permissionable=False),
        m.flag("IsMajorVersion", "C", permissionable=False),
        m.flag("IsAssetEnabled", "CU", permissionable=False),
    ),
    createable=True,
    updateable=True,
    triggerable=True,
    sharing="file",
)

CONTENT_DOCUMENT = SObject(
    "ContentDocument",
    "Content Document",
    "Content Documents",
    "069",
    (
        m.record_id(),
        *m.created(),
        m.when("LastModifiedDate", "", permissionable=False),
        m.ref("LastModifiedById", "User", "", permissionable=False),
        m.flag("IsArchived", "U", permissionable=False),
        m.ref("ArchivedById", "User", "N", permissionable=False),
        m.day("ArchivedDate", "N", permissionable=False),
        m.is_deleted(),
        m.owner(),
        m.stamp(),
        m.text("Title", 255, "U", name_field=True),
        m.picklist("PublishStatus", 40, PUBLISH, "", restricted=True, default="R"),
        m.ref("LatestPublishedVersionId", "ContentVersion", "N", permissionable=False),
        m.make(
            "ParentId",
            "reference",
            "NU",
            length=18,
            permissionable=False,
            reference_to=("ContentWorkspace",),
            relationship="Parent",
        ),
        *m.seen(),
        m.area("Description", 1000, "N", permissionable=False),
        m.integer("ContentSize", permissionable=False),
        m.text("FileType", 20, "N", permissionable=False),
        m.text("FileExtension", 40, "N", permissionable=False),
        m.picklist(
            "SharingOption", 40, SHARING_OPTIONS, "NU", default="A", permissionable=False, restricted=True
        ),
        m.picklist("SharingPrivacy", 40, PRIVACY, "U", default="N", restricted=True),
        m.when("ContentModifiedDate", permissionable=False),
        m.ref("ContentAssetId", "ContentAsset", "N", permissionable=False),
        m.flag("IsInternalOnly"),
    ),
    updateable=True,
    deletable=True,
    undeletable=True,
    triggerable=True,
    searchable=True,
    layoutable=True,
    sharing="file",
)

CONTENT_DOCUMENT_LINK = SObject(
    "ContentDocumentLink",
    "Content Document Link",
    "Content Document Link",
    "06A",
    (
        m.record_id(),
        m.ref(
            "LinkedEntityId", ENTITIES, "C", child_relationship="ContentDocumentLinks", cascade_delete=True
        ),
        m.ref(
            "ContentDocumentId",
            "ContentDocument",
            "C",
            child_relationship="ContentDocumentLinks",
            cascade_delete=True,
        ),
        m.is_deleted(),
        m.stamp(),
        m.picklist(
            "ShareType",
            40,
            (Value("V", "Viewer"), Value("C", "Collaborator"), Value("I", "Inferred")),
            "NCU",
            restricted=True,
            default="V",
            permissionable=False,
        ),
        m.picklist(
            "Visibility",
            40,
            (
                Value("AllUsers", "All Users"),
                Value("InternalUsers", "Standard Users"),
                Value("SharedUsers", "Shared Users"),
            ),
            "NCU",
            restricted=True,
            default="InternalUsers",
            permissionable=False,
        ),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    triggerable=True,
    sharing="file",
)

ATTACHED_CONTENT_DOCUMENT = SObject(
    "AttachedContentDocument",
    "Attached Content Document",
    "Attached Content Documents",
    "",
    (
        m.record_id(),
        m.is_deleted(),
        m.ref("ContentDocumentId", "ContentDocument", "N", permissionable=False),
        m.ref(
            "LinkedEntityId",
            ENTITIES,
            "N",
            child_relationship="AttachedContentDocuments",
            permissionable=False,
        ),
        m.text("Title", 255, "N", permissionable=False),
        m.text("FileType", 20, "N", permissionable=False),
        m.integer("ContentSize", permissionable=False),
        m.text("FileExtension", 40, "N", permissionable=False),
        *m.audit(),
    ),
    queryable=False,
    retrieveable=False,
    sharing="parent:LinkedEntityId",
)
"""The Files related list of a record, which is read as a sub-select of the record alone; its rows are made of the links (before_query.py)."""

OBJECTS = (CONTENT_VERSION, CONTENT_DOCUMENT, CONTENT_DOCUMENT_LINK, ATTACHED_CONTENT_DOCUMENT)
