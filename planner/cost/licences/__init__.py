"""How many licences hosts and VMs need: one file a vendor, each with that vendor's own examples."""
