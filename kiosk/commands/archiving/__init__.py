"""What ``hearth archive`` can do, one file each: ``kiosk.commands.archive_`` names them."""
