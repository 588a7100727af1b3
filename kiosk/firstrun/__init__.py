"""The box before it is live: language, a phone's page of settings, the sound, and the press that opens it to visitors.

A program of its own before the kiosk's, with a table of its own: nobody in front of a box that is live can reach it by
any key, and the session knows no state in which settings are changed.
"""
