"""The end of a process that holds the sound library or the model: it comes, with the right code and without a crash."""

import signal
import subprocess
import sys

import pytest

from audio.errors import NoModel
from audio.models import find

pytestmark = pytest.mark.alone  # sound in real time, through a sound server

RECORDING = """
import threading
from audio.clock import SystemClock
from audio.leaving import leave
from audio.microphone import Microphone
from audio.virtualsound import MICROPHONE
heard = threading.Semaphore(0)
microphone = Microphone(MICROPHONE, SystemClock())
microphone.start(lambda block: heard.release())
heard.acquire()
print("ready", flush=True)
input()
leave(3)
"""
TRANSCRIBING = """
import threading
import numpy as np
from audio.leaving import leave
from audio.shorttail import ShortTailTranscriber
from audio.transcribe import length_of
model = ShortTailTranscriber()
sound = (0.1 * np.random.default_rng(1).standard_normal(160_000)).astype(np.float32)
begun = threading.Event()
def work():
    while True:
        begun.set()
        model.transcribe(sound, length_of(sound))
threading.Thread(target=work, daemon=True).start()
begun.wait()
print("ready", flush=True)
input()
leave(3)
"""
STUCK = """
import atexit, sys, threading, time
from audio import leaving
import sounddevice
atexit.register(lambda: print("tidied", flush=True))
leaving.PATIENCE_S = 1
threading.Thread(target=threading.Event().wait).start()
print("ready", flush=True)
input()
leaving.leave(3)
"""
USUAL = """
import atexit, logging, sys
import sounddevice
from audio.leaving import leave
atexit.register(lambda: sys.stdout.write("tidied"))
print("ready", flush=True)
input()
leave(0)
"""
LIGHT = """
from audio.leaving import leave
print("ready", flush=True)
input()
leave(4)
"""
LONGEST_S = 30
"""More than the patience of any of them, and no judgement on how fast this machine is."""


def program(code: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        said, wrong = process.communicate("\n", timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the process does not end")
    assert "terminate called" not in wrong
    return process.returncode, said


def test_a_recording_ends_while_the_sound_server_hangs(virtual_sound):
    process = program(RECORDING)
    virtual_sound.suspend()
    try:
        assert ended(process)[0] == 3
    finally:
        virtual_sound.resume()


def test_a_transcription_ends_in_the_middle_of_a_decode():
    try:
        find("tiny.en")
    except NoModel as missing:
        pytest.skip(missing.say)
    assert ended(program(TRANSCRIBING))[0] == 3


def test_what_was_registered_for_the_end_is_done_and_what_was_said_is_written(virtual_sound):
    assert ended(program(USUAL)) == (0, "tidied")


def test_a_thread_that_never_ends_cannot_keep_the_process(virtual_sound):
    code, said = ended(program(STUCK))
    assert code == -signal.SIGALRM
    assert said == ""


def test_without_sound_and_model_it_is_the_usual_end():
    assert ended(program(LIGHT))[0] == 4
