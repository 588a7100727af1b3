"""``hearth transcribe``: write down the words of sound files."""

from __future__ import annotations

from pathlib import Path

import click

from audio.clips import Clip, clips_in, streamed, whole
from audio.drivers import make_transcriber, make_vad
from audio.errors import AudioError, BadSound
from audio.transcribe import Transcriber
from audio.vad import Vad
from kiosk.commands.common import answer, json_option, note, seconds
from kiosk.setting import usual_model


@click.command(name="transcribe")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--model", help="Speech model by name.  [default: the one the box would use for the language]")
@click.option("--language", default="en", show_default=True, help="What is spoken.")
@click.option("--streamed", "as_told", is_flag=True, help="Segment by segment, as while a story is told.")
@json_option
def command(path: Path, model: str | None, language: str, as_told: bool, as_json: bool) -> int:
    """Write down the words of a WAV file, or of every WAV file in a folder.

    \b
    Examples:
      hearth transcribe story.wav
      hearth transcribe ./recordings --streamed --json
      hearth transcribe cuento.wav --language es
    """
    files = clips_in(path)
    model = model or usual_model(language)
    transcriber = make_transcriber("shorttail" if as_told else "whisper", model, language)
    vad = make_vad("silero")
    clips = [_one(file, transcriber, vad, as_told=as_told) for file in files]
    unread = sum("error" in clip for clip in clips)
    say = f"{unread} of {len(clips)} files could not be read."
    failed = (BadSound.code, say, "The entry of each says why.") if unread else None
    return answer({"clips": clips}, lambda: "\n".join(_told(clip) for clip in clips), failed, as_json=as_json)


def _one(file: Path, transcriber: Transcriber, vad: Vad, *, as_told: bool) -> dict[str, object]:
    note(f"{file.name} ...")
    try:
        clip = streamed(file, transcriber, vad) if as_told else whole(file, transcriber, vad=vad)
    except AudioError as error:
        note(f"{file.name}: {error.say} {error.do}")
        return {"file": str(file), "error": {"code": error.code, "say": error.say, "do": error.do}}
    return _result(clip)


def _result(clip: Clip) -> dict[str, object]:
    return {
        "file": str(clip.file),
        "text": clip.text,
        "words": [
            {
                "text": word.text,
                "start": seconds(word.start),
                "end": seconds(word.end),
                "probability": round(word.probability, 4),
                "unclear": word.unclear,
            }
            for word in clip.words
        ],
        "cpu_s": round(clip.cpu_s, 3),
        "audio_s": round(clip.audio_s, 3),
        "final_text_s": round(clip.final_text_s(), 3),
    }


def _told(clip: dict[str, object]) -> str:
    return f"{clip['file']}: {clip.get('text', '(could not be read)')}"
