"""Drivers of real instruments, found by the name a bench file gives (entry points)."""
