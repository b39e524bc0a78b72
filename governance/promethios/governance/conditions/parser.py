"""Tokens to a syntax tree: recursive descent by CEL's grammar, bounded in depth and size.

The grammar is CEL's (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax) without maps,
messages, bytes and unsigned integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from promethios.governance.conditions.errors import ConditionError
from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.conditions.lexer import Token, tokenize
from promethios.governance.conditions.nodes import (
    Call,
    Index,
    ListOf,
    Literal,
    Name,
    Node,
    Quantifier,
    Select,
)

#: How deep brackets, calls and operators may nest.
MAX_DEPTH: Final = 32
#: How many nodes a tree may have.
MAX_NODES: Final = 500
#: The least and the greatest integer (64 bits).
INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

FUNCTIONS: Final = ("size", "int", "double", "string", "attr", "has")
METHODS: Final = ("startsWith", "endsWith", "contains", "matches", "size")
QUANTIFIERS: Final = ("exists", "all")

_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_RESERVED: Final = frozenset(
    (
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    )
)
_RELATIONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_NOT_IN_PROFILE: Final = (
    "map",
    "filter",
    "exists_one",
    "bool",
    "bytes",
    "dyn",
    "type",
    "uint",
    "timestamp",
    "duration",
)


#: What is written in other languages, and here.
_INSTEAD: Final = {
    "len": "write size(...)",
    "length": "write size(...)",
    "lower": "write matches('(?i)...') to compare whatever the case",
    "lowerAscii": "write matches('(?i)...') to compare whatever the case",
    "not": "write '!'",
    "upper": "write matches('(?i)...') to compare whatever the case",
}


_Rule = Callable[[], Node]


def parse(source: str) -> Node:
    """Parse a condition.

    Raises:
        ConditionError: the source is not in the profile, nests deeper than `MAX_DEPTH` or has more than
            `MAX_NODES` nodes.
    """
    return _Parser(tokenize(source)).parse()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._nodes = 0

    def parse(self) -> Node:
        if self._next.kind == "end":
            raise ConditionError("the condition is empty", 0)
        node = self._expression()
        if self._next.kind != "end":
            raise self._unexpected("the end")
        return node

    # Tokens.

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._next
        self._position += 1
        return token

    def _take_if(self, *kinds: str) -> Token | None:
        return self._take() if self._next.kind in kinds else None

    def _expect(self, kind: str, what: str) -> Token:
        if self._next.kind != kind:
            raise self._unexpected(what)
        return self._take()

    def _unexpected(self, wanted: str) -> ConditionError:
        token = self._next
        found = "the end" if token.kind == "end" else f"'{token.value}'"
        hints = {"and": "write '&&'", "or": "write '||'", "not": "write '!'", "is": "write '=='"}
        hint = hints.get(token.value, "")
        if not hint and self._position and self._tokens[self._position - 1].value == "not":
            hint = "for 'not' write '!'"
        return ConditionError(f"expected {wanted}, found {found}", token.offset, hint)

    def _count(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ConditionError(
                f"the condition has more than {MAX_NODES} parts",
                node.offset,
                "split it into several policies",
            )
        return node

    # The grammar, from the loosest operator to the tightest.

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:
            raise ConditionError(f"the condition nests deeper than {MAX_DEPTH} levels", self._next.offset)
        node = self._chain("||", lambda: self._chain("&&", self._relation))
        if mark := self._take_if("?"):
            chosen = self._chain("||", lambda: self._chain("&&", self._relation))
            self._expect(":", "':' and the other value")
            node = self._count(Call(mark.offset, "_?_:_", (node, chosen, self._expression())))
        self._depth -= 1
        return node

    def _chain(self, symbol: str, operand: _Rule) -> Node:
        """One node for ``a || b || c``, so that long lists of alternatives do not nest."""
        operands = [operand()]
        offset = self._next.offset
        while self._take_if(symbol):
            operands.append(operand())
        return (
            operands[0] if len(operands) == 1 else self._count(Call(offset, f"_{symbol}_", tuple(operands)))
        )

    def _relation(self) -> Node:
        node = self._sum()
        while True:
            token = self._take_if(*_RELATIONS)
            if token is None and self._next.value == "in" and self._next.kind == "name":
                token = self._take()
            if token is None:
                return node
            name = "@in" if token.value == "in" else f"_{token.value}_"
            node = self._count(Call(token.offset, name, (node, self._sum())))

    def _sum(self) -> Node:
        node = self._product()
        while token := self._take_if("+", "-"):
            node = self._count(Call(token.offset, f"_{token.value}_", (node, self._product())))
        return node

    def _product(self) -> Node:
        node = self._unary()
        while token := self._take_if("*", "/", "%"):
            node = self._count(Call(token.offset, f"_{token.value}_", (node, self._unary())))
        return node

    def _unary(self) -> Node:
        """``!`` and ``-`` may be repeated; as in CEL an even number of them is none at all."""
        first = self._take_if("!", "-")
        if first is None:
            return self._member()
        repeated = 1
        while self._take_if(first.kind):
            repeated += 1
        if first.kind == "-" and self._next.kind in ("int", "float"):
            return self._member(negative=repeated % 2 == 1)
        operand = self._member()
        if repeated % 2 == 0:
            return operand
        return self._count(Call(first.offset, f"{first.kind}_", (operand,)))

    def _member(self, *, negative: bool = False) -> Node:
        node = self._primary(negative)
        while token := self._take_if(".", "["):
            if token.kind == "[":
                node = self._count(Index(token.offset, node, self._expression()))
                self._expect("]", "']'")
            else:
                node = self._dotted(node)
        return node

    def _dotted(self, operand: Node) -> Node:
        field = self._expect("name", "a name behind the '.'")
        if field.value in _CONSTANTS or field.value == "in":
            raise ConditionError(
                f"'{field.value}' is reserved",
                field.offset,
                f'write ["{field.value}"] for a key of that name',
            )
        if self._next.kind != "(":
            return self._count(Select(field.offset, operand, field.value))
        if field.value in QUANTIFIERS:
            return self._quantifier(field, operand)
        if field.value not in METHODS:
            raise _no_function(field, METHODS + QUANTIFIERS)
        return self._count(Call(field.offset, field.value, (operand, *self._arguments())))

    def _quantifier(self, kind: Token, sequence: Node) -> Node:
        self._expect("(", "'('")
        variable = self._expect("name", "the name of a variable")
        if variable.value in _RESERVED or variable.value in _CONSTANTS:
            raise ConditionError(f"'{variable.value}' cannot be the name of a variable", variable.offset)
        self._expect(",", f"',' and the body of '{kind.value}'")
        body = self._expression()
        self._expect(")", "')'")
        return self._count(Quantifier(kind.offset, kind.value, sequence, variable.value, body))

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(", "'('")
        return self._items(")")

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take_if(closing):
            if items:
                self._expect(",", f"',' or '{closing}'")
                if closing == "]" and self._take_if(closing):
                    break
            items.append(self._expression())
        return tuple(items)

    def _primary(self, negative: bool) -> Node:
        token = self._take()
        if token.kind == "int":
            return self._count(_integer(token, negative))
        if token.kind == "float":
            return self._count(Literal(token.offset, -float(token.value) if negative else float(token.value)))
        if token.kind == "string":
            return self._count(Literal(token.offset, token.value))
        if token.kind == "name":
            return self._named(token)
        if token.kind == "[":
            return self._count(ListOf(token.offset, self._items("]")))
        if token.kind == "(":
            node = self._expression()
            self._expect(")", "')'")
            return node
        self._position -= 1
        raise self._unexpected("a value")

    def _named(self, token: Token) -> Node:
        if token.value in _CONSTANTS:
            return self._count(Literal(token.offset, _CONSTANTS[token.value]))
        if token.value in _RESERVED:
            raise ConditionError(f"'{token.value}' is reserved and cannot be a name", token.offset)
        if self._next.kind != "(":
            return self._count(Name(token.offset, token.value))
        if token.value not in FUNCTIONS:
            raise _no_function(token, FUNCTIONS)
        arguments = self._arguments()
        return (
            self._has(token, arguments)
            if token.value == "has"
            else self._count(Call(token.offset, token.value, arguments))
        )

    def _has(self, token: Token, arguments: tuple[Node, ...]) -> Node:
        if len(arguments) != 1 or not isinstance(arguments[0], Select):
            raise ConditionError("'has' takes one field, such as has(arguments.amount)", token.offset)
        field = arguments[0]
        return Select(field.offset, field.operand, field.field, test=True)


def _integer(token: Token, negative: bool) -> Literal:
    value = int(token.value, 0) if token.value.startswith("0x") else int(token.value)
    value = -value if negative else value
    if not INT_MIN <= value <= INT_MAX:
        raise ConditionError("this integer does not fit into 64 bits", token.offset)
    return Literal(token.offset, value)


def _no_function(token: Token, known: tuple[str, ...]) -> ConditionError:
    if token.value in _NOT_IN_PROFILE:
        return ConditionError(
            f"'{token.value}' is not in the profile", token.offset, f"there is {', '.join(known)}"
        )
    return ConditionError(
        f"there is no function '{token.value}' here",
        token.offset,
        _INSTEAD.get(token.value) or did_you_mean(token.value, known),
    )
