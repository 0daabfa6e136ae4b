"""vSphere, by VMware's own client: the only place that imports pyVmomi."""
