"""What the Python clients share: where the account is, named checks, waiting."""

import contextlib
import json
import os
import sys
import time
import traceback
import urllib.request

URL = os.environ["AZBATCH_URL"]
ACCOUNT = os.environ["AZBATCH_ACCOUNT"]
KEY = os.environ["AZBATCH_KEY"]

passed = failed = 0


@contextlib.contextmanager
def check(name):
    """Counts the block as one check. A failed one does not keep the others from running."""
    global passed, failed
    try:
        yield
    except Exception:
        failed += 1
        print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    else:
        passed += 1
        print(f"ok   {name}", flush=True)


@contextlib.contextmanager
def refused(kind, status, code, code_of):
    """The block must raise the SDK's exception `kind` with this status and code."""
    try:
        yield
    except Exception as error:
        assert isinstance(error, kind), f"{type(error).__name__}: {error}"
        found = (error.status_code if hasattr(error, "status_code") else error.response.status_code, code_of(error))
        assert found == (status, code), f"{found}: {error}"
    else:
        raise AssertionError(f"not refused: {status} {code}")


def wait(what, probe, seconds=20):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def advance(span):
    """Moves the emulator's clock by a duration such as PT1M."""
    body = json.dumps({"advance": span}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {os.environ['AZBATCH_CONTROL_TOKEN']}"}
    urllib.request.urlopen(urllib.request.Request(f"{URL}/_azbatch/clock", body, headers)).close()


def equal(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


def finish():
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
