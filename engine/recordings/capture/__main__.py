"""`python -m engine.recordings.capture FOLDER`: seal what a capture that goes on has closed, without being in its way."""

import os
import sys

from engine.errors import RecordingError
from engine.recordings.capture.sealing import seal

if __name__ == "__main__":
    os.nice(10)
    try:
        seal(sys.argv[1])
    except RecordingError as error:
        sys.exit(str(error))
