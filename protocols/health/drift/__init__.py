"""What has wandered on a bench since its tables were measured.

``checks`` makes all checks there are, each kind a module of its own; ``finding`` is what they
find, ``rates`` how fast that changes and what is to be measured again.
"""
