"""What comes back: the archive makes a signed feed for each box, the box applies it whole or not at all."""
