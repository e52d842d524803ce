"""The benchmark: what runs of the collection cost, and what serving costs, beside what people would do instead."""
