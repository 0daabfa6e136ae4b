"""A laboratory on one Linux machine: real hypervisors in namespaces, and the product at work on them."""
