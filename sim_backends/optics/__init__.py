"""Pure physics of the optical devices: stateless functions on arrays, double precision."""
