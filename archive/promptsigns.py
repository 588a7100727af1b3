"""What the wording of a question suggests: an answer of yes or no, the answer itself, two questions, an opinion.

The signs are words of each language, so a finding is advice and never proof; only what a box would refuse (too long,
a language missing) is an error. What makes a prompt good follows oral-history practice: open, one thing at a time, no
answer in the question, about what happened rather than what one thinks. A box checks its own sets with it, and the
archive's desk while one is written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 90
"""Characters of a prompt, in each language: what fits a box's first screen at its reading distance."""


class Fault(StrEnum):
    """What can be the matter with a prompt."""

    TOO_LONG = "too-long"
    NO_LANGUAGE = "no-language"
    YES_NO = "yes-no"
    LEADING = "leading"
    DOUBLE = "double-barrelled"
    OPINION = "opinion"
    NO_RECORDING = "no-recording"


REFUSED = frozenset({Fault.TOO_LONG, Fault.NO_LANGUAGE})
"""Faults with which the box would not start."""
ADVICE: dict[Fault, tuple[str, str]] = {
    Fault.TOO_LONG: ("It has more than 90 characters.", "Say it shorter: long questions are not read."),
    Fault.NO_LANGUAGE: ("It has no words in this language.", "Add them, or offer fewer languages."),
    Fault.YES_NO: ("It can be answered with yes or no.", "Begin with '{opening}'."),
    Fault.LEADING: ("It suggests the answer.", "Leave out what you expect to hear."),
    Fault.DOUBLE: ("It asks two things at once.", "Ask one, and make the other a follow-up."),
    Fault.OPINION: ("It asks for an opinion.", "Ask for something that happened to them."),
    Fault.NO_RECORDING: ("Nobody has recorded it.", "The machine's voice reads it until somebody does."),
}
_OPENINGS = {
    "en": "Tell us about a time when",
    "es": "Cuéntenos de una vez que",
    "ar": "احكوا لنا عن مرة",
    "hi": "हमें उस समय के बारे में बताइए जब",
    "zh": "请讲讲……的一次经历",
}
"""How a question begins that asks for a story, as whoever writes it can copy it."""
_ASKERS_ES = (
    r"(?:a|de|con|en|por|para|desde|hasta|sobre)?\s*"
    r"(?:qué|quién(?:es)?|cuándo|cómo|dónde|adónde|cuál(?:es)?|cuánt[oa]s?)"
)
_ASKERS_EN = r"(?:what|which|who|whom|whose|when|where|why|how)"
_HELPERS_EN = r"(?:do|does|did|is|are|am|was|were|have|has|had|can|could|will|would|should|must|may|might)"
_ASKERS_ZH = r"(?:什么|谁|何时|哪|为什么|怎么|怎样|多少)"
_ASKERS_HI = r"(?:क्या|कौन|कब|कहाँ|कहां|क्यों|कैसे|किसने|किसके|कितने)"
_THERE_HI = r"(?:वहाँ|वहां|यहाँ|यहां|फिर|तब|आप|आपने|आपको|वह|वे|उसने|उन्होंने)"
_BEGINS = r"(?:^|[.!?;:]\s+)"
"""Where a question may begin: at the first word, or after a sentence that leads to it."""
SIGNS: dict[str, dict[Fault, str]] = {
    "en": {
        Fault.YES_NO: rf"{_BEGINS}(?:{_HELPERS_EN}(?:n't)?|can't|won't)\b[^?]*\?|\btell (?:us|me) (?:if|whether)\b",
        Fault.LEADING: rf"(?:{_BEGINS}|, |\b(?:and|but) )(?:{_HELPERS_EN}n't|can't|won't)\b|, (?:right|no|yes)\?"
        r"|\b(?:surely|obviously|of course|you must have|how (?:wonderful|great|terrible|awful|bad)"
        r"|(?:wonderful|terrible|awful) (?:was|is))\b",
        Fault.DOUBLE: rf"\?.*\?|\b(?:and|or) {_ASKERS_EN}\b"
        rf"|\b(?:and|or) {_HELPERS_EN} (?:you|it|they|he|she|there|that|this|your|the)\b",
        Fault.OPINION: r"\b(?:what do you (?:think|believe|feel|make of)|how do you (?:feel about|see|like)"
        r"|do you (?:think|believe|agree)|your (?:opinion|view|thought)s?|should)\b",
    },
    "es": {
        Fault.YES_NO: rf"¿(?!\s*(?:[ye]\s+)?(?:{_ASKERS_ES})\b)[^?]*\?|\b(?:cuénte|cuénta|díga)(?:nos|me) si\b",
        Fault.LEADING: r"¿(?:no|acaso)\b|\b(?:no cree|no le parece|verdad\?|sin duda|obviamente|por supuesto"
        r"|claro que)",
        Fault.DOUBLE: rf"\?.*\?|(?<!¿)\b[yo] (?:{_ASKERS_ES})\b",
        Fault.OPINION: r"\b(?:qué (?:piensa|opina|cree|le parece|te parece)|(?:su|tu) opinión|cree que|debería)",
    },
    "ar": {
        Fault.YES_NO: r"(?:^|[.،؛:!؟]\s*)(?:و?هل|أ(?:لم|لا|ليس|كان|كانت|كنت|كنتم))\b",
        # Inside a sentence the first two mean a pain, and not to.
        Fault.LEADING: r"(?:^|[.،؛:!؟]\s*)(?:ألم|ألا)\b|أليس|ألا ترون|بالتأكيد|لا شك|طبعًا|صحيح؟",
        Fault.DOUBLE: r"؟.*؟|\s(?:و|أو )(?:ماذا|من كان|مع من|متى|أين|كيف|كم|لماذا|هل)\b",
        Fault.OPINION: r"ما رأيك|رأيكم في\b(?!\s*شخص)|(?:هل|ماذا) (?:تعتقد|تظن|ترون|ترى)|ينبغي|يجب",
    },
    "hi": {
        # The same word asks what: then what happened, was or was done comes next.
        Fault.YES_NO: r"^क्या\s(?!हुआ|हो|था|थी|थे|किया|करते|चीज़).*\?|[,।.!]\s*क्या (?:आप|वह|वे|यह|ये|कोई|कभी|उस|इस|उन|इन)",
        Fault.LEADING: r"(?:है|हैं|था|थे|थी) ?(?:ना|न)\s*\?|है ना|हैं ना|नहीं लगता|ज़ाहिर है|बेशक",
        Fault.DOUBLE: rf"\?.*\?|(?:और|या) (?:{_THERE_HI} )?{_ASKERS_HI}(?:\s|\?|।)",
        Fault.OPINION: r"क्या सोचते|आपक[ीा] (?:क्या )?(?:राय|ख़याल|ख्याल|विचार)(?! बदल)"
        r"|आपको क्या लगता|क्या मानते|चाहिए|आपके विचार",
    },
    "zh": {
        Fault.YES_NO: r"吗[？?。]|吗$|是否|(.{1,2})[不没]\1",
        Fault.LEADING: r"难道|不是吗|对不对|对吧|是吧|当然|不觉得",
        Fault.DOUBLE: rf"？.*？|(?:以及|还有|并且){_ASKERS_ZH}|{_ASKERS_ZH}.*[，、].*{_ASKERS_ZH}",
        Fault.OPINION: r"[您你](?:觉得|认为)|[您你]怎么看(?!出)|有什么看法|应该|意见",
    },
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one prompt in one language."""

    prompt: str
    language: str
    fault: Fault

    @property
    def say(self) -> str:
        """What is the matter."""
        return ADVICE[self.fault][0]

    @property
    def do(self) -> str:
        """What to do about it."""
        return ADVICE[self.fault][1].format(opening=_OPENINGS.get(self.language, _OPENINGS["en"]))

    @property
    def refused(self) -> bool:
        """Whether the box would refuse the set for it."""
        return self.fault in REFUSED


def signs_of(text: str, language: str) -> tuple[Fault, ...]:
    """What the wording suggests; nothing for a language whose signs are not known."""
    plain = unicodedata.normalize("NFC", text).replace("’", "'").strip().casefold()
    return tuple(fault for fault, sign in SIGNS.get(language, {}).items() if re.search(sign, plain))
