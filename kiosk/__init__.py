"""The visitor's conversation with the box. Imports ``audio``, ``hardware`` and ``archive``."""
