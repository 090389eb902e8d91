"""Models of windows and of vendors' libraries, in the light of a twin: what drivers speak to."""
