"""The web pages of the box: a teller's own story by keep-code, and a facilitator's remote.

Pages use the actions of the store and nothing else; the words lie in ``text/``. Nothing is fetched from elsewhere,
nothing is counted, and no page or sound may be stored by a browser.
"""
