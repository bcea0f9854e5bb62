"""Graphs, and how a state is coupled through one."""

from neurojax.networks.communities import StochasticBlock, TwoPopulations
from neurojax.networks.coupling import AllToAll, Dense, Sparse, couple, matrix_of, to_networkx
from neurojax.networks.files import Given, from_matrix, from_networkx, read_graph
from neurojax.networks.modifiers import Directed, Signed, Weighted
from neurojax.networks.recipe import Graph, Topology, adjacency
from neurojax.networks.topologies import (
    BarabasiAlbert,
    Bipartite,
    Complete,
    ErdosRenyi,
    Lattice,
    NearestNeighbours,
    RandomRegular,
    Ring,
    Star,
    WattsStrogatz,
)

__all__ = [
    "AllToAll",
    "BarabasiAlbert",
    "Bipartite",
    "Complete",
    "Dense",
    "Directed",
    "ErdosRenyi",
    "Given",
    "Graph",
    "Lattice",
    "NearestNeighbours",
    "RandomRegular",
    "Ring",
    "Signed",
    "Sparse",
    "Star",
    "StochasticBlock",
    "Topology",
    "TwoPopulations",
    "WattsStrogatz",
    "Weighted",
    "adjacency",
    "couple",
    "from_matrix",
    "from_networkx",
    "matrix_of",
    "read_graph",
    "to_networkx",
]
