"""The commands of the agent's side."""
