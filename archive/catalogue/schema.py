"""The archive's tables, as one ordered list of named migrations; each topic keeps its own in ``tables_<topic>.py``.

To add tables: a file with ``MIGRATIONS = (Migration("boxes_1", [...]),)`` and one line here, at the end. A migration
that was ever released is never changed; the next one is.
"""

from __future__ import annotations

from archive.catalogue import (
    tables_boxes,
    tables_briefings,
    tables_claims,
    tables_coding,
    tables_desk,
    tables_exports,
    tables_feed,
    tables_fleet,
    tables_meaning,
    tables_medleys,
    tables_outcomes,
    tables_partners,
    tables_people,
    tables_public,
    tables_search,
    tables_stories,
)
from archive.catalogue.migration import Migration

MIGRATIONS: tuple[Migration, ...] = (
    *tables_stories.MIGRATIONS,
    *tables_people.MIGRATIONS,
    *tables_desk.MIGRATIONS,
    *tables_boxes.MIGRATIONS,
    *tables_search.MIGRATIONS,
    *tables_feed.MIGRATIONS,
    *tables_public.MIGRATIONS,
    *tables_coding.MIGRATIONS,
    *tables_medleys.MIGRATIONS,
    *tables_briefings.MIGRATIONS,
    *tables_partners.MIGRATIONS,
    *tables_outcomes.MIGRATIONS,
    *tables_meaning.MIGRATIONS,
    *tables_fleet.MIGRATIONS,
    *tables_claims.MIGRATIONS,
    *tables_exports.MIGRATIONS,
)
