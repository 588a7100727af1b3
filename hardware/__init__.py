"""Hands, lamps and the health of the box. Imports nothing of ours."""
