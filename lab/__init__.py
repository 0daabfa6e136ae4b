"""A laboratory on one Linux machine: real hypervisors in network namespaces, and the product at work on them."""
