"""The archive as a server: where things lie, what comes in, what is taken back."""
