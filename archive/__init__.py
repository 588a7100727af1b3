"""What is kept, who allowed it, how it leaves, is found and is erased. Imports ``audio`` only."""
