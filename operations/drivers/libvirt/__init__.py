"""Plain libvirt and QEMU hosts: several of them behind one connection, read live and acted upon."""
