"""The live monitor's floor: it looks at runs and never touches an instrument.

``model`` knows runs and no Qt; ``theme`` colours and icons; ``panels`` what is drawn of a run, one
card each; ``window`` the window around them.
"""

DISTRIBUTION = "backbeam"
