"""What the deck is made of, one public widget a file."""
