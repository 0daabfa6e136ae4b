"""How much of the time a VM is there, and what takes the rest.

closed     exact: series, parallel, k of n, repair crews, common cause, restart, fault tolerance
structure  exact: the ways of a service, with what they share
services   exact: k VMs of n, tier by tier, with all that they share
simulated  lives and repairs of any distribution, played out; importance sampling for rare states
report     an estate: minutes a year by cause, without protection, with HA, with FT
"""
