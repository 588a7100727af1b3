"""Where everybody finds what is public: the addresses of the public door, made in one place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ROOT: Final = "/public"


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses below ``base``, the address of the archive as the outside reaches it, without a slash at its end.

    With an empty ``base`` they are addresses within the site.
    """

    base: str = ""

    @classmethod
    def told(cls, more: Mapping[str, Any]) -> Places:
        """Those below the address that ``[door]`` in the settings names; within the site where it names none."""
        table = more.get("door", {})
        return cls(str(table.get("address", "")).rstrip("/") if isinstance(table, dict) else "")

    @property
    def home(self) -> str:
        """The list of stories."""
        return f"{self.base}{ROOT}/"

    @property
    def oai(self) -> str:
        """Where harvesters ask."""
        return f"{self.base}{ROOT}/oai"

    def page(self, number: int) -> str:
        """A page of the list."""
        return self.home if number <= 1 else f"{self.home}?page={number}"

    def feed(self, page: int = 1) -> str:
        """The feed, or an older page of it."""
        return f"{self.home}feed.xml" + ("" if page <= 1 else f"?page={page}")

    def story(self, story: str) -> str:
        """The page to listen at."""
        return f"{self.home}{story}"

    def medley(self, medley: str) -> str:
        """The page of a medley."""
        return f"{self.home}medley/{medley}"

    def sound(self, story: str) -> str:
        """The sound, by ranges."""
        return f"{self.story(story)}/sound.flac"

    def mp3(self, story: str) -> str:
        """The sound for old players, by ranges."""
        return f"{self.story(story)}/sound.mp3"

    def captions(self, story: str) -> str:
        """The captions, WebVTT."""
        return f"{self.story(story)}/captions.vtt"

    def manifest(self, story: str) -> str:
        """The IIIF manifest."""
        return f"{self.story(story)}/manifest.json"
