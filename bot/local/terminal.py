"""The output on the terminal: one line per finished step, a spinner for the current one."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status


class Terminal:
    """Prints facts as they come; without a terminal (a log file, CI) the spinner is left out."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status: Status | None = None

    def doing(self, text: str) -> None:
        """Show what is under way, in place of what was."""
        if not self.console.is_terminal:
            return
        if self._status is None:
            self._status = self.console.status(text, spinner="dots")
            self._status.start()
        self._status.update(f"[dim]{text} …[/dim]")

    def done(self, text: str) -> None:
        """State a fact and keep it on the screen."""
        self.quiet()
        self.console.print(f"[green]✓[/green] {text}", highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """State something that went wrong and is being dealt with."""
        self.quiet()
        self.console.print(f"[yellow]![/yellow] {text}", highlight=False, soft_wrap=True)

    def fail(self, text: str) -> None:
        """State why it ends here."""
        self.quiet()
        self.console.print("[red]✗[/red] ", end="")
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def quiet(self) -> None:
        """Take the spinner away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
