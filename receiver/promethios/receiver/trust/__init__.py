"""Trust in the receiver: the standings of all agents, advanced with each decision that is stored."""
