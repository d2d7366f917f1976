"""`help`: the words a newcomer needs; with ALL=1 the rest."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import COMMANDS, MAKE_ONLY, VARIABLES, Command, Given


def run(given: Given, root: Path) -> int:
    """Print the page."""
    everything = given.flag("ALL")
    print("dlcamp: an experiment-tracking research workbench for deep learning\n")
    for command in COMMANDS:
        if everything or command.newcomer:
            prefix = "python -m dlcamp" if command.positional else "make"
            print(f"  {prefix} {command.example:<32} {command.summary}")
    if everything:
        print()
        for word, summary in MAKE_ONLY.items():
            print(f"  make {word:<32} {summary}")
        print("\nvariables")
        for name, text in VARIABLES.items():
            print(f"  {name:<10} {text}")
    else:
        print(f"  make {'test':<32} {MAKE_ONLY['test']}\n\nall of them: make help ALL=1")
    return 0


def one_word(command: Command) -> str:
    """The help of one word."""
    lines = [f"{command.word}: {command.summary}", f"example: {command.example}"]
    if command.positional:
        lines.append(f"arguments: {command.positional}")
    lines += [f"  {name} {value}  {text}" for name, value, text in command.options]
    lines += [
        f"  {name:<9} {VARIABLES[name]}" + (" (needed)" if name in command.required else "")
        for name in command.variables
    ]
    return "\n".join(lines)
