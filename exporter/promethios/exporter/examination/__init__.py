"""What is in force for an agent in this environment, and whether it works: ``promethios doctor``."""
