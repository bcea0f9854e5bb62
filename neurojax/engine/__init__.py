"""The ground: systems, integrators, random streams, records, the simulation loop. Knows no model."""
