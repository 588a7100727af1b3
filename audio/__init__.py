"""Sound in, sound out, words. Imports nothing of ours; ``import audio`` needs neither PortAudio nor a model."""
