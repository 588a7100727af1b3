"""Public stories as RSS 2.0 with the podcast namespace: sound as MP3 enclosure, captions as transcript. Pure.

Older pages of a long feed are linked as RFC 5005 has it. Nothing in it lets a reader's program be counted: no
address carries a mark, and no picture is loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from lxml import etree

from archive.export.dublincore import plain
from archive.export.places import Places
from archive.export.telling import MACHINE, Telling, clock
from archive.reviewing.podcast import KIND, mp3_size

ATOM: Final = "http://www.w3.org/2005/Atom"
PODCAST: Final = "https://podcastindex.org/namespace/1.0"
ITUNES: Final = "http://www.itunes.com/dtds/podcast-1.0.dtd"


def feed(
    tellings: Sequence[Telling], sizes: dict[str, int], places: Places, name: str, *, page: int = 1, last: int = 1
) -> bytes:
    """Write page ``page`` of ``last`` of the feed. ``sizes`` are the bytes of each story's sound, by identifier.

    A story of which only the words are public has no enclosure.
    """
    rss = etree.Element("rss", nsmap={"atom": ATOM, "podcast": PODCAST, "itunes": ITUNES}, version="2.0")
    channel = etree.SubElement(rss, "channel")
    _text(channel, "title", name)
    _text(channel, "link", places.home)
    _text(channel, "description", f"Stories that their tellers made public at {name}.")
    if tellings:
        _text(channel, "language", tellings[0].language)
    _text(channel, "generator", "Digital Hearth")
    links = {"self": page, "first": 1, "last": last}
    if page > 1:
        links["previous"] = page - 1
    if page < last:
        links["next"] = page + 1
    for relation, number in links.items():
        attributes = {"rel": relation, "href": places.feed(number), "type": "application/rss+xml"}
        etree.SubElement(channel, f"{{{ATOM}}}link", attributes)
    _text(channel, f"{{{PODCAST}}}locked", "yes")
    _text(channel, f"{{{ITUNES}}}explicit", "false")
    _text(channel, f"{{{ITUNES}}}block", "yes")
    for telling in tellings:
        _item(channel, telling, sizes.get(telling.id, 0), places)
    return bytes(etree.tostring(rss, xml_declaration=True, encoding="UTF-8"))


def _item(channel: Any, telling: Telling, size: int, places: Places) -> None:
    item = etree.SubElement(channel, "item")
    _text(item, "title", telling.name)
    _text(item, "link", places.story(telling.id))
    _text(item, "guid", f"urn:ulid:{telling.id}", isPermaLink="false")
    _text(item, "pubDate", _date(telling.recorded_at))
    told = [
        telling.note and f"Please note: {telling.note}",
        telling.prompt_text,
        f"Told at {telling.site}.",
        telling.rights,
    ]
    _text(item, "description", "\n".join(filter(None, told)))
    if telling.voice and size:
        # Every player reads MP3; the sound as it came stands beside it for those that know to choose.
        plain_sound = {"url": places.mp3(telling.id), "length": str(mp3_size(telling.length)), "type": KIND}
        etree.SubElement(item, "enclosure", plain_sound)
        other = etree.SubElement(item, f"{{{PODCAST}}}alternateEnclosure", {"type": "audio/flac", "length": str(size)})
        etree.SubElement(other, f"{{{PODCAST}}}source", {"uri": places.sound(telling.id)})
        _text(item, f"{{{ITUNES}}}duration", clock(telling.length))
    transcript = {"url": places.captions(telling.id), "type": "text/vtt", "language": telling.language}
    etree.SubElement(item, f"{{{PODCAST}}}transcript", {**transcript, "rel": "captions"})
    if not telling.checked:
        _text(item, f"{{{ITUNES}}}summary", MACHINE)


def _text(parent: Any, name: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, name, attributes).text = plain(text)


def _date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))
