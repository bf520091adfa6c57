"""Checkpoint of a study's part: the bytes of its arrays, behind a digest of their layout and of them.

Nothing in such a file says how it is to be read, so that a damaged one cannot be misread: it is as good as none.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.append_log import regular_file, whole_file

Arrays = dict[str, NDArray[Any]]


def write(path: Path, arrays: Arrays) -> None:
    """Make the file, whole or not at all."""
    body = b"".join(each.tobytes() for each in arrays.values())
    with whole_file(path) as file:
        file.write(_digest(path, arrays, body) + body)


def read(path: Path, like: Arrays) -> Arrays | None:
    """What `write` wrote under this name, of arrays of these names, shapes and types; None if the file is not that."""
    size = sha256().digest_size + sum(each.nbytes for each in like.values())
    try:
        with regular_file(path) as file:
            found = file.read(size + 1)
    except OSError:
        return None
    digest, body = found[: sha256().digest_size], found[sha256().digest_size :]
    if len(found) != size or digest != _digest(path, like, body):
        return None
    made, at = {}, 0
    for name, each in like.items():
        made[name] = np.frombuffer(body, each.dtype, each.size, at).reshape(each.shape).copy()
        at += each.nbytes
    return made


def _digest(path: Path, arrays: Arrays, body: bytes) -> bytes:
    said = [path.name, *((name, each.dtype.str, each.shape) for name, each in arrays.items())]
    return sha256(repr(said).encode() + b"\0" + body).digest()
