"""What a running cluster stands and how it moves: losses of hosts, evacuation, reboot groups, balance."""
