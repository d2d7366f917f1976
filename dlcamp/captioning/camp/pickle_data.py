"""A pickle as data: nothing that it names is imported, and nothing in it is called.

A pickle is a program for a small stack machine, which may name any callable and have it called. Here the machine runs
on plain values only. What a pickle names becomes a `Name`, what it would build becomes a `Built` that says which name
was to be called with what; both are looked at afterwards by the reader of one kind of file. Names outside a short
list, and instructions that no such file needs, are refused as soon as they are met.

Damage is bounded as well: no instruction takes more memory than its own bytes and some hundred more (`pickle` itself
fills gigabytes for one that stores at place 4,294,967,295), their number is limited, and keys are text or whole
numbers, so that nothing nested is ever hashed or compared.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pickle import UnpicklingError
from typing import Any

MOST_INSTRUCTIONS = 10_000_000  # the features of 120,000 images take three million

# A damaged or hostile pickle raises nearly anything; none of it is a bug of the caller.
DAMAGE = (
    UnpicklingError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    RecursionError,
)


@dataclass(frozen=True, eq=False)
class Name:
    """What a pickle calls by name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Built:
    """What a pickle would build: the call, the state set on what it returns, and the items put into that."""

    name: Name
    arguments: tuple[Any, ...]
    state: Any = None
    items: list[tuple[str | int, Any]] = field(default_factory=list)


def load_data(data: bytes, allowed: Collection[tuple[str, str]]) -> Any:
    """The value of a pickle (protocols 0 to 5): numbers, texts, bytes, tuples, lists, dicts, `Name` and `Built`.

    Args:
        allowed: (module, name) of what the pickle may name.

    Raises:
        UnpicklingError: it names something else, or has an instruction that data do not need.
        Exception: one of `DAMAGE`, where it is no whole pickle.
    """
    machine = _Machine(allowed)
    for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if number >= MOST_INSTRUCTIONS:
            raise UnpicklingError(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
        instruction = _INSTRUCTIONS.get(opcode.name)
        if instruction is None:
            raise UnpicklingError(f"it holds the instruction {opcode.name}, which no data need")
        instruction(machine, argument)
    (value,) = machine.stack
    return value


class _Machine:
    """The stack, the stacks below its marks, and the memo."""

    def __init__(self, allowed: Collection[tuple[str, str]]) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._allowed = allowed

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self._below.pop()
        return values

    def get(self, place: int) -> None:
        self.push(self._memo[place])

    def put(self, place: int) -> None:
        self._memo[place] = self.stack[-1]

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def named(self, text: str) -> None:
        module, _, name = text.partition(" ")
        self._name(module, name)

    def named_on_stack(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._name(module, name)

    def _name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise UnpicklingError("it asks for something by a name that is no text")
        if (module, name) not in self._allowed:
            raise UnpicklingError(f"it asks for {module:.80}.{name:.80}, which no such file needs")
        self.push(Name(module, name))

    def call(self, _: Any) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name) or type(arguments) is not tuple:
            raise UnpicklingError("it calls something that is no name")
        self.push(Built(name, arguments))

    def set_state(self, _: Any) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if not isinstance(built, Built) or built.state is not None:
            raise UnpicklingError("it sets the state of something that has none, or has one already")
        built.state = state

    def set_items(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if type(key) not in (str, int):
                raise UnpicklingError("a key is neither text nor a whole number")
            if type(target) is dict:
                target[key] = value
            elif isinstance(target, Built):
                target.items.append((key, value))
            else:
                raise UnpicklingError("it puts items into something that takes none")

    def make_dict(self, _: Any) -> None:
        flat = self.since_mark()
        self.push({})
        self.set_items(flat)

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def extend(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise UnpicklingError("it appends to something that is no list")
        self.stack[-1].extend(values)

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise UnpicklingError("it ends too early")
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.push(values)


_Instruction = Callable[[_Machine, Any], Any]

_VALUES = (
    "INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip

_INSTRUCTIONS: dict[str, _Instruction] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(_VALUES, _Machine.push),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": _Machine.mark,
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.since_mark(),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": _Machine.memoize,
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": _Machine.make_dict,
    "SETITEM": _Machine.set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.named_on_stack,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.set_state,
}
