# SPDX-License-Identifier: Apache-2.0
"""The devices of this machine."""
from typing import NamedTuple

from ._interface import mr_device_entry
from ._library import lib, record


class Device(NamedTuple):
    uri: str  # as Model.session takes it
    text: str  # what it is
    can: str  # what it can beside running a network
    needs: str  # what has to be there for the first run of a network on it


def devices() -> "list[Device]":
    """What Model.session can open here. Emulated cards are not among them: an image makes them."""
    count = lib.mr_devices(None, 0)
    entries = (mr_device_entry * count)()
    found = lib.mr_devices(entries, count)
    return [record(Device, entry) for entry in entries[: min(found, count)]]
