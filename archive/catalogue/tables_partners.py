"""Tables of networks of networks: partner archives, and what each lends to this one. Nothing central is in them."""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_PARTNER = "partner TEXT NOT NULL REFERENCES partners(name) ON DELETE CASCADE"
_OF_GUEST = "partner TEXT NOT NULL, story TEXT NOT NULL"
_GUEST = "FOREIGN KEY (partner, story) REFERENCES partner_stories(partner, story) ON DELETE CASCADE"

MIGRATIONS = (
    Migration(
        "partners_1",
        [
            # `seal` and `sign` are their public keys. `credential` is the hash of what they show at our door, `secret`
            # what we show at theirs, `url` where that is; each may be missing: a stick needs none.
            """CREATE TABLE partners (
                name TEXT PRIMARY KEY, seal BLOB NOT NULL, sign BLOB NOT NULL, url TEXT NOT NULL, secret TEXT,
                credential TEXT, at TEXT NOT NULL, who TEXT NOT NULL)""",
            "CREATE INDEX partners_credential ON partners (credential)",
            # What they lend: sound and card lie sealed among the objects, `key` opens both with our private key, and
            # `consent` is the teller's whole record, which is asked each time.
            f"""CREATE TABLE partner_stories (
                {_OF_PARTNER}, story TEXT NOT NULL, volume INTEGER NOT NULL, site TEXT NOT NULL, title TEXT NOT NULL,
                consent TEXT NOT NULL, key BLOB NOT NULL, sound TEXT NOT NULL, card TEXT NOT NULL, cuts TEXT NOT NULL,
                PRIMARY KEY (partner, story))""",
            # Their sets of questions and their cue sheets; `kind` is prompts or sheet.
            f"""CREATE TABLE partner_texts (
                {_OF_PARTNER}, volume INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
                PRIMARY KEY (partner, volume, kind, name))""",
            f"""CREATE TABLE partner_volumes (
                {_OF_PARTNER}, volume INTEGER NOT NULL, sequence INTEGER NOT NULL, sha256 TEXT NOT NULL,
                at TEXT NOT NULL, PRIMARY KEY (partner, volume))""",
        ],
    ),
    Migration(
        "partners_2",
        [
            # Which cut of a lent story lies on which button of which sheet of a box of ours.
            f"""CREATE TABLE partner_cues (
                box TEXT NOT NULL, sheet TEXT NOT NULL, button INTEGER NOT NULL, {_OF_GUEST}, cut TEXT NOT NULL,
                at TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY (box, sheet, button), {_GUEST})""",
            # What was handed on to one box: the partner's own sealed blobs, their key wrapped for that box. `recipe`
            # names the key it was made from and the box it is for.
            f"""CREATE TABLE partner_loans (
                box TEXT NOT NULL, {_OF_GUEST}, recipe TEXT NOT NULL, key BLOB NOT NULL, sound_size INTEGER NOT NULL,
                card_size INTEGER NOT NULL, PRIMARY KEY (box, partner, story), {_GUEST})""",
            # Lent stories that ended here while a box of ours may still hold a copy. Identifiers alone.
            f"""CREATE TABLE partner_ended (
                {_OF_PARTNER}, volume INTEGER NOT NULL, story TEXT NOT NULL, at TEXT NOT NULL,
                PRIMARY KEY (partner, story))""",
        ],
    ),
    Migration(
        "partners_3",
        [
            # Blobs that lie sealed among the objects, or are just being stored, for a bundle that does not count yet.
            f"""CREATE TABLE partner_fetched (
                {_OF_PARTNER}, sha256 TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (partner, sha256))""",
        ],
    ),
)
