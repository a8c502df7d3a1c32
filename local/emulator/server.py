"""`python -m local.emulator.server`: MiniStack in the foreground, with the extension (`--plain`: without it).

It reads MiniStack's own variables. With `EMULATOR_FOLDER` set, as `local.emulator` does, it ends with whoever holds
its standard input: at the end of file it removes that folder and kills its own process group.
"""

from __future__ import annotations

import os
import sys

from local.child_process import end_with_parent


def main() -> None:
    folder = os.environ.pop("EMULATOR_FOLDER", None)
    if folder:
        end_with_parent(folder)
    plain = "--plain" in sys.argv
    sys.argv[1:] = []  # MiniStack reads arguments of its own

    # Imported after the watch began: importing takes seconds, in which the parent may die.
    from ministack.app import main as serve

    from local.emulator.extension import install

    if not plain:
        install()
    serve()


if __name__ == "__main__":
    main()
