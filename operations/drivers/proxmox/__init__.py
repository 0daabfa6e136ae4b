"""Proxmox VE, through its API by an API token: the only folder that speaks to one."""
