"""Check that a wheel holds what it must and nothing else."""

import sys
import zipfile

PACKAGES = ("instruments/", "protocols/", "sim_backends/", "gui/")
REQUIRED = (
    "pyvisa_backbeam.py",
    "protocols/digits/digits.npz",
    "protocols/digits/SOURCE.md",
    *(f"{package}__init__.py" for package in PACKAGES),
    *(f"{package}py.typed" for package in PACKAGES),
)


def main(path: str) -> None:
    """Exit with a message if the wheel at ``path`` is not right."""
    names = zipfile.ZipFile(path).namelist()
    missing = [name for name in REQUIRED if name not in names]
    allowed = (*PACKAGES, "pyvisa_backbeam.py", "backbeam-")
    stray = [name for name in names if not name.startswith(allowed)]
    if missing or stray:
        sys.exit(f"{path}: missing {missing}, stray {stray}")
    print(f"{len(names)} files in the wheel, all in their places")


if __name__ == "__main__":
    main(sys.argv[1])
