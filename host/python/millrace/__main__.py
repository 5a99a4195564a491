# SPDX-License-Identifier: Apache-2.0
"""`python3 -m millrace`: the version and the devices of this machine."""
from . import devices, version

print(f"millrace {version()}")
for device in devices():
    print(f"{device.uri:<8} {device.text}; the first run of a network needs {device.needs}")
