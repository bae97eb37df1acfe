"""Framings by family, each loaded only where it is used: lockstep_wire.framing finds them by their names."""
