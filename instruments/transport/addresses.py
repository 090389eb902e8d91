"""Where boxes are: VISA's resource strings."""

from __future__ import annotations

from pyvisa import rname

EXAMPLES = (
    "'TCPIP0::192.168.1.21::inst0::INSTR', 'TCPIP0::192.168.1.31::5025::SOCKET', "
    "'USB0::0x1313::0x804A::M00400001::INSTR', 'GPIB0::9::INSTR' or 'ASRL3::INSTR'"
)


def is_resource_string(address: str) -> bool:
    """Return whether an address is written as VISA wants it; some know names besides."""
    try:
        rname.ResourceName.from_string(address)
    except rname.InvalidResourceName:
        return False
    return True


def canonical(address: str) -> str:
    """Return a resource string in VISA's canonical form; one that VISA does not know as it is."""
    return rname.to_canonical_name(address) if is_resource_string(address) else address
