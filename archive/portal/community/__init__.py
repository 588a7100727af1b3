"""The archive's own web app: the desk of those who work there, what boxes call, and the public door."""
