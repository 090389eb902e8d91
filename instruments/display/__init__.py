"""A window over a whole screen: what panels and mirror devices at a video output show.

``python -m instruments.display`` lists the screens there are.
"""
