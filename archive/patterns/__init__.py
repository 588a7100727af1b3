"""Sense-making: finding patterns within and across conversations, each of which leads back to a second of a voice."""
