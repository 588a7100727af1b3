"""Public stories for harvesters: OAI-PMH 2.0, Dublin Core, a set a library, deletions kept for ever.

A page asks the gate for each story on it: one that is not public any more at that moment is told as deleted, whatever
the list says. Resumption tokens name the last record seen, not a place in a list, so that nothing is skipped when
stories come or go between two pages. Source: the protocol's specification of 2002, document version 2015-01-08.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree
from oaipmh.common import Header, Identify, ResumptionOAIPMH
from oaipmh.error import (
    BadArgumentError,
    BadResumptionTokenError,
    CannotDisseminateFormatError,
    IdDoesNotExistError,
    NoRecordsMatchError,
)
from oaipmh.metadata import MetadataRegistry
from oaipmh.server import ServerBase, decodeResumptionToken, encodeResumptionToken

from archive.bag import is_bag_id
from archive.catalogue import Catalogue, Tx
from archive.export.dublincore import OAI_DC, to_xml
from archive.export.places import Places
from archive.export.publishing import Record, earliest, harvest, note_gone, record_of, sites
from archive.export.telling import Telling, read_tellings
from archive.types import Reader

PREFIX: Final = "oai_dc"
BATCH: Final = 100
"""Records a page."""
_SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_LONGEST_TOKEN = 1000


def answer(
    catalogue: Catalogue, arguments: Iterable[tuple[str, str]], places: Places, name: str, contact: str, now: datetime
) -> bytes:
    """Answer one request of a harvester, whatever it asks: errors are told as the protocol has it.

    ``arguments`` are the request's, as they came; ``contact`` is a mail address people of the archive read.
    """
    given = list(arguments)
    # The library takes a mapping, which would hide that an argument came twice.
    asked = dict(given) if len({key for key, _ in given}) == len(given) else {"verb": "twice"}
    provider = _Provider(catalogue, places, name, contact, now)
    registry = MetadataRegistry()
    registry.registerWriter(PREFIX, lambda element, telling: element.append(etree.fromstring(to_xml(*telling))))
    return bytes(ServerBase(provider, registry).handleRequest(asked))


def set_of(site: str) -> str:
    """Name a library's set with the signs the protocol allows."""
    slug = re.sub(r"[^a-z0-9]+", "-", site.lower()).strip("-")
    # Names in other scripts, or that differ in what was left out, must not meet in one set.
    return f"{slug[:40] or 'library'}-{hashlib.sha256(site.encode()).hexdigest()[:6]}"


class _Provider(ResumptionOAIPMH):  # type: ignore[misc]  # the library has no types
    """The six verbs over one catalogue, at one moment."""

    def __init__(self, catalogue: Catalogue, places: Places, name: str, contact: str, now: datetime) -> None:
        self._catalogue = catalogue
        self._places = places
        self._name = name
        self._contact = contact
        self._now = now

    def handleVerb(self, verb: str, kw: Mapping[str, Any]) -> Any:  # noqa: N802 (the library's name)
        match verb:
            case "Identify":
                return self._identify()
            case "ListMetadataFormats":
                return self._formats(**kw)
            case "ListSets":
                return self._sets(**kw)
            case "GetRecord":
                return self._record(**kw)
            case "ListIdentifiers":
                found, token = self._page(kw)
                return [header for header, _, _ in found], token
            case _:
                return self._page(kw)

    def _identify(self) -> Identify:
        with self._catalogue.read() as tx:
            first = earliest(tx)
        return Identify(
            self._name, self._places.oai, "2.0", [self._contact], _naive(first or self._now), "persistent",
            "YYYY-MM-DDThh:mm:ssZ", ["identity"], toolkit_description=False,
        )  # fmt: skip

    def _formats(self, identifier: str | None = None) -> list[tuple[str, str, str]]:
        if identifier is not None:
            with self._catalogue.read() as tx:
                self._known(tx, identifier)
        return [(PREFIX, _SCHEMA, OAI_DC)]

    def _sets(self, resumptionToken: str | None = None) -> tuple[list[tuple[str, str, str]], None]:  # noqa: N803 (the protocol's name)
        if resumptionToken is not None:
            raise BadResumptionTokenError("The list of sets comes in one piece.")
        with self._catalogue.read() as tx:
            return [(set_of(site), site, "") for site in sites(tx)], None

    def _record(self, metadataPrefix: str, identifier: str) -> Any:  # noqa: N803 (the protocol's name)
        _check_prefix(metadataPrefix)
        with self._catalogue.read() as tx:
            record = self._known(tx, identifier)
        return self._told([record])[0]

    def _known(self, tx: Tx, identifier: str) -> Record:
        story = identifier.removeprefix("urn:ulid:")
        record = record_of(tx, story) if is_bag_id(story) and story != identifier else None
        if record is None:
            raise IdDoesNotExistError("There is no such record.")
        return record

    def _page(self, kw: Mapping[str, Any]) -> tuple[list[Any], str | None]:
        asked, cursor = dict(kw), 0
        if "resumptionToken" in asked:
            asked, cursor = _decoded(asked["resumptionToken"])
        _check_prefix(asked.get("metadataPrefix", ""))
        start, until = asked.get("from_"), asked.get("until")
        if start is not None and until is not None and start > until:
            raise BadArgumentError("The argument from lies behind the argument until.")
        at, _, story = str(asked.get("after", "")).partition("|")
        with self._catalogue.read() as tx:
            site = None
            if asked.get("set"):
                site = next((one for one in sites(tx) if set_of(one) == asked["set"]), "")
                if not site:
                    raise NoRecordsMatchError("There is no such set.")
            found = harvest(tx, _aware(start), _aware(until), site, (at, story), BATCH + 1)
        more, found = len(found) > BATCH, found[:BATCH]
        if more:
            last = found[-1]
            keep = {key: value for key, value in asked.items() if key in {"metadataPrefix", "set", "from_", "until"}}
            after = f"{last.at.isoformat(timespec='seconds')}|{last.story}"
            return self._told(found), encodeResumptionToken({**keep, "after": after}, cursor + len(found))
        # The last page of several says so with an empty token.
        return self._told(found), "" if cursor else None

    def _told(self, records: list[Record]) -> list[Any]:
        """Tell records as they are at this moment: what the gate refuses is deleted."""
        with self._catalogue.read() as tx:
            standing = [record.story for record in records if not record.gone]
            tellings = read_tellings(tx, standing, Reader.PUBLISH, self._now, words=False)
        went = [story for story in standing if story not in tellings]
        if went:
            with self._catalogue.write() as tx:
                note_gone(tx, went, self._now)
        return [self._line(record, tellings.get(record.story)) for record in records]

    def _line(self, record: Record, telling: Telling | None) -> Any:
        at = self._now if telling is None and not record.gone else record.at
        header = Header(None, f"urn:ulid:{record.story}", _naive(at), [set_of(record.site)], telling is None)
        return header, None if telling is None else (telling, self._places.story(telling.id)), None


def _decoded(token: str) -> tuple[dict[str, Any], int]:
    try:
        asked, cursor = decodeResumptionToken(token[:_LONGEST_TOKEN])
    except Exception as error:  # whatever a harvester makes up, the library's reader stumbles in its own ways
        raise BadResumptionTokenError(_BAD_TOKEN) from error
    if cursor <= 0 or "|" not in asked.get("after", ""):
        raise BadResumptionTokenError(_BAD_TOKEN)
    return asked, cursor


_BAD_TOKEN = "This resumption token was not given out here."  # noqa: S105 (no secret)


def _check_prefix(prefix: str) -> None:
    if prefix != PREFIX:
        raise CannotDisseminateFormatError("Records are given in oai_dc alone.")


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)
