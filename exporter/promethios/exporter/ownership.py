"""Opens files of a spool as what they are: plain files of ours, wherever a link of their name would lead.

A spool may be in a folder that others can write to. What they put there must not have us follow it to another
file, wait for the other end of a pipe, or send what they wrote as if we had recorded it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

#: For `os.open`, before `check_own`.
SAFELY: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file.

    Args:
        path: The file.
        flags: As `os.open` takes them; a file that is made is 0600.

    Raises:
        OSError: It cannot be opened, is a link or no plain file, or belongs to somebody else.
    """
    file = os.open(path, flags | SAFELY, 0o600)
    try:
        check_own(file, path)
    except BaseException:
        os.close(file)
        raise
    return file


def check_own(file: int, path: Path) -> None:
    """Refuse what is open if it is no plain file, or somebody else's.

    Raises:
        OSError: It is.
    """
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    if not is_trusted(found.st_uid, path.parent.stat().st_uid, os.geteuid()):
        raise OSError(errno.EPERM, "it belongs to another user", str(path))


def is_trusted(owner: int, of_folder: int, ours: int) -> bool:
    """Whether a file is of somebody whom we trust: us, root, or whoever the folder is of.

    On some network and container file systems every file is somebody else's, as is the folder.
    """
    return owner in (ours, of_folder, 0)
