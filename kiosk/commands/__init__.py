"""One verb of ``hearth`` a file; each holds ``command``. Nothing else imports them."""
