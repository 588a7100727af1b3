"""Tables of what came in: stories, who allowed what, their words, receipts, tombstones, and who changed what.

Only facts are stored, and nothing is counted about people: no plays, no likes, no listeners.
"""

from __future__ import annotations

from archive.catalogue.migration import Migration, append_only

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"

MIGRATIONS = (
    Migration("meta_1", ["CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"]),
    Migration(
        "stories_1",
        [
            # `bag_sha256` is that of the tag manifest; `has_voice` is 0 where the teller allowed the words alone.
            """CREATE TABLE stories (
                id TEXT PRIMARY KEY, bag_sha256 TEXT NOT NULL, kind TEXT NOT NULL,
                prompt TEXT NOT NULL, prompt_text TEXT NOT NULL, language TEXT NOT NULL, site TEXT NOT NULL,
                recorded_at TEXT NOT NULL, clock_trusted INTEGER NOT NULL, length_ms INTEGER NOT NULL,
                box TEXT NOT NULL, received_at TEXT NOT NULL, title TEXT NOT NULL, has_voice INTEGER NOT NULL)""",
            "CREATE INDEX stories_recorded ON stories (recorded_at, id)",
            "CREATE INDEX stories_received ON stories (received_at, id)",
            "CREATE INDEX stories_prompt ON stories (prompt, recorded_at)",
            "CREATE INDEX stories_site ON stories (site, recorded_at)",
            "CREATE INDEX stories_box ON stories (box, received_at)",
            # The files of the bag, and under which key of the object store each lies.
            f"""CREATE TABLE files (
                {_OF_STORY}, path TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
                PRIMARY KEY (story, path))""",
            # The consent record of the bag, line by line; `link` chains them as in the record itself.
            f"""CREATE TABLE consents (
                {_OF_STORY}, number INTEGER NOT NULL, seq INTEGER NOT NULL, act TEXT NOT NULL, at TEXT NOT NULL,
                by TEXT NOT NULL, use TEXT, yes INTEGER NOT NULL, form TEXT NOT NULL, embargo TEXT,
                wording_version TEXT NOT NULL, wording_hash TEXT NOT NULL, language TEXT NOT NULL,
                start_ms INTEGER, end_ms INTEGER, link TEXT NOT NULL, PRIMARY KEY (story, number))""",
        ],
    ),
    Migration(
        "passages_1",
        [
            # `words` is JSON: [[start_ms, end_ms, probability, doubtful, "text"], ...]. `by` names the machine (with
            # its version) or the person whose words these are. `approximate`: the times of words were spread by length.
            f"""CREATE TABLE passages (
                {_OF_STORY}, number INTEGER NOT NULL, version INTEGER NOT NULL,
                start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, text TEXT NOT NULL, words TEXT NOT NULL,
                approximate INTEGER NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL,
                checked_by TEXT, checked_at TEXT, PRIMARY KEY (story, number))""",
            # What a passage said before it was corrected.
            f"""CREATE TABLE passage_versions (
                {_OF_STORY}, number INTEGER NOT NULL, version INTEGER NOT NULL,
                start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, text TEXT NOT NULL, words TEXT NOT NULL,
                approximate INTEGER NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL,
                checked_by TEXT, checked_at TEXT, PRIMARY KEY (story, number, version))""",
            # Stretches the box knew of: questions asked, excerpts played into a conversation, pauses, flags.
            f"""CREATE TABLE spans (
                {_OF_STORY}, number INTEGER NOT NULL, kind TEXT NOT NULL, start_ms INTEGER NOT NULL,
                end_ms INTEGER NOT NULL, label TEXT NOT NULL, PRIMARY KEY (story, number))""",
        ],
    ),
    Migration(
        "custody_1",
        [
            # `body` is the signed receipt as it was given out.
            f"""CREATE TABLE receipts (
                {_OF_STORY}, sha256 TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
                PRIMARY KEY (story, sha256))""",
            # No word of what was taken back; `events` and `head` name the consent record a recall speaks of.
            """CREATE TABLE tombstones (
                id TEXT PRIMARY KEY, at TEXT NOT NULL, reach TEXT NOT NULL, events INTEGER NOT NULL, head TEXT NOT NULL,
                received_at TEXT NOT NULL, came_from TEXT NOT NULL)""",
            "CREATE INDEX tombstones_received ON tombstones (received_at, id)",
            # Bags that came with an id that is taken; a person has to look. `place` is a name under aside/ in the home.
            """CREATE TABLE aside (
                id TEXT PRIMARY KEY, story TEXT NOT NULL, sha256 TEXT NOT NULL, box TEXT NOT NULL, at TEXT NOT NULL,
                why TEXT NOT NULL, place TEXT NOT NULL)""",
            # What a curator decided: `verdict` is keep or hold; the newest one counts. `note` never leaves the desk.
            f"""CREATE TABLE reviews (
                id TEXT PRIMARY KEY, {_OF_STORY}, at TEXT NOT NULL, who TEXT NOT NULL, verdict TEXT NOT NULL,
                note TEXT NOT NULL)""",
            "CREATE INDEX reviews_story ON reviews (story, id)",
        ],
    ),
    # `who` names a person's account, a box, or a machine with its version; `detail` is JSON and never what was said.
    Migration(
        "changes_1",
        [
            """CREATE TABLE changes (
                id TEXT PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
                detail TEXT NOT NULL)""",
            "CREATE INDEX changes_subject ON changes (subject, id)",
        ],
        **append_only("changes"),
    ),
)
