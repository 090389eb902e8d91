"""The window around the cards."""
