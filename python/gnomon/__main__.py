# SPDX-License-Identifier: Apache-2.0
"""The command `gnomon`, as the package installs it."""

import sys

from . import _gnomon


def main() -> int:
    return _gnomon.run_program(["gnomon", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
