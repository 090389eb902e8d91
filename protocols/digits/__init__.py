"""The handwritten digits every installation carries; SOURCE.md says where they come from."""
