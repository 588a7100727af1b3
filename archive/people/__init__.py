"""Who works at a community archive: accounts, roles, sessions, and what each role may do."""
