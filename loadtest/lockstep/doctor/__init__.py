"""What this machine lets a load be, asked before there is any: `lockstep doctor`."""
