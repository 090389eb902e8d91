"""How layers are laid out over stages: light through all of them, or one stage in turn."""
