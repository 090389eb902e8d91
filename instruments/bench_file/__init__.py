"""The bench file: one TOML file that says what a bench is made of and how light runs through it.

Read with ``reading.find_bench_file``; everything in it is checked before any instrument is opened.
"""
