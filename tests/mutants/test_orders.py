"""The list of faults in the order core is what it says, and the SIM catches a few of them; `make mutants` tries them all."""

import os
import subprocess
import sys

import orders

SAMPLE = 4


def test_each_fault_is_in_a_line_that_is_there_once():
    listed = orders.read()
    assert len(listed) >= 20
    assert len({fault.what for fault in listed}) == len(listed)
    for fault in listed:
        compile(fault.source, fault.module, "exec")


def test_a_few_are_caught():
    command = [sys.executable, orders.__file__, "--workers", "1", "--sample", str(SAMPLE)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SAMPLE} of {SAMPLE} caught" in done.stdout
