"""Sets of questions: written one at a time, each seen as it will stand on a box, with advice while it is typed.

A set is stored whole, checked by `archive.curation`; the advice is `archive.promptsigns`' and refuses nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from starlette.responses import Response

from archive import curation
from archive.boxes import boxes
from archive.catalogue import Tx
from archive.curation import AskedPrompt, BadPromptSet, PreparedSet, prompt_sets
from archive.errors import NoSuchStory
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.promptsigns import LONGEST, Fault, Finding, signs_of
from archive.reviewing.versions import Overtaken

LINKS = (Link("/prompts", "Questions", Permission.PROMPTS),)
NEW = "new"
_MOST_LANGUAGES = 8
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_SET = "/prompts/{set}"


class NoSuchSet(NoSuchStory):
    """A set of questions, or a question, that is not here."""

    code = "no-such-set"


@dataclass(frozen=True, slots=True)
class Preview:
    """A question in one language, as it will stand on a box, with what its wording suggests."""

    prompt: str
    language: str
    words: str
    findings: tuple[Finding, ...]

    @property
    def direction(self) -> str:
        """Which way its script runs."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    permission = Permission.PROMPTS
    return [
        get(desk, "/prompts", permission, _sets),
        post(desk, "/prompts/add", permission, _add, "/prompts"),
        post(desk, "/prompts/look", permission, _look, "/prompts"),
        get(desk, _SET, permission, _set),
        post(desk, f"{_SET}/boxes", permission, _boxes, _SET),
        post(desk, f"{_SET}/remove", permission, _remove, "/prompts"),
        get(desk, f"{_SET}/{{prompt}}", permission, _question),
        post(desk, f"{_SET}/{{prompt}}", permission, _save, f"{_SET}/{{prompt}}"),
        post(desk, f"{_SET}/{{prompt}}/remove", permission, _drop, _SET),
    ]


def look_at(prompt: str, language: str, words: str) -> Preview:
    """What a question will look like, and what might be the matter with it. Pure."""
    plain = " ".join(words.split())
    faults = [Fault.TOO_LONG] if len(plain) > LONGEST else []
    found = (*faults, *signs_of(plain, language)) if plain else ()
    return Preview(prompt, language, plain, tuple(Finding(prompt, language, fault) for fault in found))


def _sets(ask: Ask) -> Response:
    with ask.reading() as tx:
        return ask.page("prompts", sets=prompt_sets(tx))


def _add(ask: Ask) -> Response:
    """Begin a set with its first question: a set without one is none."""
    languages = ask.form.get("languages[]", "").replace(",", " ").casefold().split()
    if not languages or len(languages) > _MOST_LANGUAGES or not all(_LANGUAGE.fullmatch(one) for one in languages):
        raise BadPromptSet(
            "It is not clear in which languages it asks.",
            "Choose at least one; the code of another one has two or three letters.",
        )
    title = " ".join(ask.form.get("title", "").split())
    first = AskedPrompt("first", {language: ask.form.get("first", "") for language in languages})
    made = PreparedSet(ask.form.get("name", ""), dict.fromkeys(languages, title), (first,))
    with ask.writing() as tx:
        if any(one.name == made.name for one in prompt_sets(tx)):
            raise BadPromptSet(f"There is a set called {made.name[:60]!r} already.", "Choose another name.")
        curation.save_prompts(
            tx, replace(made, prompts=(replace(first, id=_free_id(tx, made.name)),)), ask.who, ask.now
        )
        prompt = _named(tx, made.name).prompts[0]
    return go(f"/prompts/{made.name}/{prompt.id}")


def _look(ask: Ask) -> Response:
    """Answer the question that is being typed: how it will look, what it suggests."""
    language = ask.form.get("language", "")
    if not _LANGUAGE.fullmatch(language):
        raise BadPromptSet("It is not clear which language this is.", "Load the page again.")
    return ask.page("prompt_look", one=look_at("", language, ask.form.get(f"text-{language}", "")), longest=LONGEST)


def _set(ask: Ask) -> Response:
    with ask.reading() as tx:
        prepared = _named(tx, ask.part("set"))
    shown = [
        [look_at(one.id, language, one.text[language]) for language in prepared.languages] for one in prepared.prompts
    ]
    known = [box.name for box in boxes(ask.catalogue) if box.revoked_at is None]
    return ask.page("prompt_set", set=prepared, shown=shown, boxes=known, seen=version_of(prepared), longest=LONGEST)


def _boxes(ask: Ask) -> Response:
    chosen = [name for name in ask.form.get("box[]", "").split("\n") if name]
    titles = {name.removeprefix("title-"): value for name, value in ask.form.items() if name.startswith("title-")}
    with ask.writing() as tx:
        prepared = _seen(ask, tx)
        known = {box["name"] for box in tx.all("SELECT name FROM boxes")}
        if not known.issuperset(chosen):
            raise BadPromptSet("One of these boxes is not known here.", "Load the page again.")
        title = {language: titles.get(f"{language}", words) for language, words in prepared.title.items()}
        curation.save_prompts(tx, replace(prepared, boxes=tuple(chosen), title=title), ask.who, ask.now)
    return go(f"/prompts/{prepared.name}")


def _remove(ask: Ask) -> Response:
    with ask.writing() as tx:
        curation.remove_prompts(tx, _seen(ask, tx).name, ask.who, ask.now)
    return go("/prompts")


def _question(ask: Ask) -> Response:
    with ask.reading() as tx:
        prepared = _named(tx, ask.part("set"))
    languages = list(prepared.languages)
    if ask.part("prompt") == NEW:
        one = AskedPrompt(NEW, dict.fromkeys(languages, ""))
    else:
        one = _in(prepared, ask.part("prompt"))
    shown = [look_at(one.id, language, one.text[language]) for language in languages]
    follow = {language: "\n".join(text.get(language, "") for text in one.follow) for language in languages}
    return ask.page(
        "prompt", set=prepared, one=one, new=one.id == NEW, shown=shown, follow=follow, seen=version_of(prepared),
        longest=LONGEST,
    )  # fmt: skip


def _save(ask: Ask) -> Response:
    place = ask.part("prompt")
    with ask.writing() as tx:
        prepared = _seen(ask, tx)
        languages = list(prepared.languages)
        ident = _free_id(tx, prepared.name) if place == NEW else _in(prepared, place).id
        made = AskedPrompt(
            ident,
            {language: " ".join(ask.form.get(f"text-{language}", "").split()) for language in languages},
            _follow(ask, languages), _day(ask, "since"), _day(ask, "until"),
        )  # fmt: skip
        kept = [made if one.id == place else one for one in prepared.prompts]
        kept += [made] if place == NEW else []
        curation.save_prompts(tx, replace(prepared, prompts=tuple(kept)), ask.who, ask.now)
    return go(f"/prompts/{prepared.name}")


def _drop(ask: Ask) -> Response:
    with ask.writing() as tx:
        prepared = _seen(ask, tx)
        left = tuple(one for one in prepared.prompts if one.id != _in(prepared, ask.part("prompt")).id)
        if not left:
            raise BadPromptSet("A set has at least one question.", "Remove the whole set instead.")
        curation.save_prompts(tx, replace(prepared, prompts=left), ask.who, ask.now)
    return go(f"/prompts/{prepared.name}")


def version_of(prepared: PreparedSet) -> str:
    """What changes with every change of a set."""
    return hashlib.sha256((prepared.to_toml() + "\n".join(prepared.boxes)).encode()).hexdigest()[:16]


def _seen(ask: Ask, tx: Tx) -> PreparedSet:
    """The set as it stands, if it is still the one the page showed. Raises `Overtaken`, `NoSuchSet`."""
    prepared = _named(tx, ask.part("set"))
    if version_of(prepared) != ask.form.get("seen", ""):
        yours = [value for name, value in ask.form.items() if name.startswith(("text-", "title-")) and "[]" not in name]
        theirs = [" / ".join(one.text.values()) for one in prepared.prompts]
        raise Overtaken("\n".join(theirs), "\n".join(yours))
    return prepared


def _named(tx: Tx, name: str) -> PreparedSet:
    for one in prompt_sets(tx):
        if one.name == name:
            return one
    raise NoSuchSet("There is no set of questions of this name.", "It may have been removed.")


def _in(prepared: PreparedSet, ident: str) -> AskedPrompt:
    for one in prepared.prompts:
        if one.id == ident:
            return one
    raise NoSuchSet("There is no such question in this set.", "It may have been removed.")


def _free_id(tx: Tx, name: str) -> str:
    """A name for a question by which its answers are found, also after it was reworded or removed here."""
    stem = f"{name[:40].strip('-')}-q"
    taken = {str(row["id"]) for row in tx.all("SELECT id FROM prompts")}
    taken |= {str(row["prompt"]) for row in tx.all("SELECT DISTINCT prompt FROM stories")}
    return next(f"{stem}{number}" for number in range(1, len(taken) + 2) if f"{stem}{number}" not in taken)


def _follow(ask: Ask, languages: Sequence[str]) -> tuple[dict[str, str], ...]:
    """What may be asked after it: a line each, the same number of lines in every language."""
    lines = {
        language: [line.strip() for line in ask.form.get(f"follow-{language}", "").splitlines() if line.strip()]
        for language in languages
    }
    if len({len(those) for those in lines.values()}) > 1:
        raise BadPromptSet(
            "What follows has not the same number of lines in every language.", "Write each in all of them."
        )
    return tuple(
        {language: lines[language][number] for language in languages} for number in range(len(lines[languages[0]]))
    )


def _day(ask: Ask, name: str) -> date | None:
    text = ask.form.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadPromptSet(
            "One of the days is not understood.", "Write it as 2026-03-01, or leave it empty."
        ) from error
