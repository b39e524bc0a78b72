"""The demonstration: a receiver, a stand-in for an LLM, and three agents that are governed."""
