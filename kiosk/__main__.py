"""``python -m kiosk`` is ``hearth``."""

from kiosk.cli import main

main()
