"""The digital twin: the hidden true optics that all simulated instruments of a bench share."""
