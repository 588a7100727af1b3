"""The archive's catalogue: one port to SQLite (the default) and to PostgreSQL (past one machine).

`open_catalogue` opens either from one setting; everybody writes the SQL both understand, see `archive.catalogue.port`.
"""

from archive.catalogue.opening import open_catalogue
from archive.catalogue.port import Catalogue, Row, Tx

__all__ = ["Catalogue", "Row", "Tx", "open_catalogue"]
