"""What is drawn of a run: panels, each of which fills a card."""
