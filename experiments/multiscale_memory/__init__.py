"""A memory whose neurons and synapses learn together: runs, multiruns and their collection, configured by Hydra."""
