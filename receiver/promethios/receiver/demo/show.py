"""How the demonstration looks: what each agent tried, what was decided, and what the receiver counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from promethios.receiver.demo.scenes import Scene

#: Each outcome's mark and style. What is allowed stays in the background.
_OUTCOMES: Final = {
    "allow": ("·", "dim"),
    "flag": ("⚑", "yellow"),
    "redact": ("■", "cyan"),
    "approve": ("?", "magenta"),
    "block": ("✗", "bold red"),
}
_COUNTS: Final = ("decisions", "blocked", "redacted", "flagged", "violations", "calls")


class Show:
    """Writes for people.

    Args:
        console: Where to; a quiet one writes nothing.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def opening(self, receiver: str, database: str, llm: str) -> None:
        """Say what is running."""
        self._console.print(
            "\n[bold]Promethios demonstration[/]: three agents, governed by one policy file\n"
        )
        for name, value in (("receiver", receiver), ("database", database), ("LLM stand-in", llm)):
            self._console.print(Text(f"  {name:<13} {value}", style="dim"), soft_wrap=True)

    def scene(self, scene: Scene) -> None:
        """Announce an agent."""
        self._console.print()
        self._console.print(Text.assemble((scene.name, "bold"), "  ", (scene.title, "italic")))

    def line(self, told: dict[str, Any]) -> None:
        """Show one line that an agent told."""
        if "task" in told:
            self._console.print(Text(f"  ▸ {told['task']}"))
        elif told.get("point") and not (told["point"] == "agent.before" and told["enforced"] == "allow"):
            self._decision(told)

    def counts(self, agents: Sequence[dict[str, Any]]) -> None:
        """Show what the receiver counted."""
        table = Table(title="What the receiver stored", title_justify="left", title_style="bold", box=None)
        table.add_column("agent", no_wrap=True)
        for name in _COUNTS:
            table.add_column(name, justify="right")
        for row in agents:
            table.add_row(row["agent_id"], *(str(row[name]) for name in _COUNTS))
        totals = (str(sum(row[name] for row in agents)) for name in _COUNTS)
        table.add_row("all", *totals, style="bold")
        self._console.print()
        self._console.print(table)

    def proofs(self, summary: dict[str, Any]) -> None:
        """Show what was checked."""
        self._console.print()
        for holds, text in (
            (summary["complete"], f"all {summary['told']} decisions that the agents told are stored"),
            (not summary["deletions"], "the deletion that the mail asked for was not carried out"),
            (
                not summary["card_found"],
                "the card number is neither with the LLM nor in the database's files",
            ),
        ):
            mark = Text("  ✓ ", style="green") if holds else Text("  ✗ ", style="bold red")
            self._console.print(mark + Text(text if holds else f"not so: {text}"))

    def closing(self, console_url: str, key: str) -> None:
        """Say where to look further."""
        self._console.print(f"\n[bold]Console[/]  {console_url}/", highlight=False, soft_wrap=True)
        self._console.print(f"[bold]key[/]      {key}", highlight=False, soft_wrap=True)
        self._console.print("\nType the key in there. Ctrl-C ends the demonstration.", style="dim")

    def _decision(self, told: dict[str, Any]) -> None:
        mark, style = _OUTCOMES[told["enforced"]]
        decided = f"    {mark} {told['enforced']:<7}{told['point']:<13} {told['subject'] or ''}"
        if told["reason"]:
            text = Text.assemble((f"{decided:<45} ", style), told["reason"])
        else:
            text = Text(decided, style=style)
        self._console.print(text, soft_wrap=True)
