"""Curators' work on a story: decisions, corrected words, blanked spans, excerpts. All of it beside the original."""
