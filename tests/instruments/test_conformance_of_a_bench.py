"""The conformance tests can be pointed at a bench: at hardware, or at models of it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INTERFACES = ROOT / "tests" / "instruments" / "interfaces"


def test_with_bench_they_run_on_its_instruments():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-rA", str(INTERFACES / "test_optical_amplifier.py")),
            str(INTERFACES / "test_photodetector_array.py"),
            *("--bench", str(ROOT / "examples" / "benches" / "table_top_4_4_3.toml")),
            *("--simulate", "wire", "-k", "amplifier_1 or outputs"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[optical_amplifier-amplifier_1]" in done.stdout
    assert "[photodetector_array-outputs]" in done.stdout
