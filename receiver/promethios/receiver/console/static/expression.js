// Computed columns: numbers, names of columns, + - * / and parentheses. A small parser: nothing is evaluated as code.

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([-+*/()]))/y;

function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const [, number, name, sign] = TOKEN.exec(text) ?? [];
    if (number === undefined && name === undefined && sign === undefined) {
      throw new Error(`"${text}" is not arithmetic at "${text.slice(at).trim()}"`);
    }
    found.push({ number: number === undefined ? undefined : Number(number), name, sign });
  }
  return found;
}

const OPERATORS = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b === 0 ? null : a / b),
};

const both = (sign, left, right) => (row) => {
  const [a, b] = [left(row), right(row)];
  return a === null || b === null ? null : OPERATORS[sign](a, b);
};

/** A parser of one expression; each method reads one level of precedence and gives a function of a row. */
class Parser {
  constructor(text) {
    this.text = text;
    this.rest = tokens(text);
  }

  take(...signs) {
    return signs.includes(this.rest[0]?.sign) ? this.rest.shift().sign : null;
  }

  chain(next, ...signs) {
    let left = next();
    for (let sign = this.take(...signs); sign; sign = this.take(...signs)) left = both(sign, left, next());
    return left;
  }

  sum = () => this.chain(this.product, "+", "-");
  product = () => this.chain(this.signed, "*", "/");

  signed = () => {
    if (!this.take("-")) return this.atom();
    const inner = this.signed();
    return (row) => (inner(row) === null ? null : -inner(row));
  };

  atom() {
    const token = this.rest.shift();
    if (token?.number !== undefined) return () => token.number;
    if (token?.name !== undefined) return (row) => valueOf(row(token.name), token.name);
    if (token?.sign !== "(") throw new Error(`"${this.text}" is not complete`);
    const inner = this.sum();
    if (!this.take(")")) throw new Error(`"${this.text}" lacks a ")"`);
    return inner;
  }
}

function valueOf(value, name) {
  if (value === undefined) throw new Error(`there is no column "${name}"`);
  return typeof value === "number" ? value : null;
}

/**
 * Compile an expression to a function of a row, which is given as `name -> value` (undefined: no such column).
 * A missing number, and a division by zero, make the result null.
 *
 * @throws {Error} the text is not arithmetic, or names a column that there is not.
 */
export function compile(text) {
  const parser = new Parser(text);
  const made = parser.sum();
  if (parser.rest.length) throw new Error(`"${text}" goes on after its end`);
  return made;
}
