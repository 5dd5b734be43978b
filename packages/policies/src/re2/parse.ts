import { bracketed, dot, escaped, type Flags, literal } from "./characters.ts";
import type { Expression } from "./expression.ts";

/** RE2 repeats nothing more often. */
const MOST = 1000;
const WORD = /^\w$/;

/** Reads an expression of RE2. Throws a SyntaxError on what is none, and on what RE2 does not have. */
export function parseExpression(source: string): Expression {
  const parser = new Parser(source);
  const expression = parser.alternatives({ ignoreCase: false, dotAll: false, lines: false });
  if (!parser.isAtEnd()) throw new SyntaxError("a group is closed that was not opened");
  if (!isWithin(expression, MOST)) throw new SyntaxError("repetitions inside each other are too many");
  return expression;
}

/** Whether repetitions of repetitions are no more than so many. */
function isWithin(expression: Expression, most: number): boolean {
  switch (expression.kind) {
    case "sequence":
      return expression.parts.every((part) => isWithin(part, most));
    case "either":
      return expression.options.every((option) => isWithin(option, most));
    case "repeat": {
      const times = Number.isFinite(expression.max) ? expression.max : expression.min;
      const left = times > 0 ? Math.floor(most / times) : most;
      return left > 0 && isWithin(expression.part, left);
    }
    default:
      return true;
  }
}

class Parser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  /** Up to the end of the group or of the source. */
  alternatives(outer: Flags): Expression {
    let flags = outer;
    const options: Expression[][] = [[]];
    while (!this.isAtEnd() && !this.#isNext(")")) {
      if (this.#take(/\|/y) !== undefined) {
        options.push([]);
        continue;
      }
      const change = this.#take(/\(\?([imsU]*)(?:-([imsU]+))?\)/y);
      if (change !== undefined) flags = changed(flags, change);
      else options.at(-1)?.push(this.#repeated(flags));
    }
    const sequences = options.map((parts): Expression => ({ kind: "sequence", parts }));
    return { kind: "either", options: sequences };
  }

  #repeated(flags: Flags): Expression {
    const part = this.#atom(flags);
    const found = this.#take(/(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/y);
    if (found === undefined) return part;
    const [, sign, least, comma, most] = found;
    if (/^[*+]|^\?|^\{\d/.test(this.#source.slice(this.#at)))
      throw new SyntaxError("a repetition is repeated");
    const min = sign === undefined ? Number(least) : sign === "+" ? 1 : 0;
    const upTo = comma === undefined ? min : most === "" ? Number.POSITIVE_INFINITY : Number(most);
    const max = sign === undefined ? upTo : sign === "?" ? 1 : Number.POSITIVE_INFINITY;
    if (max < min || min > MOST || (Number.isFinite(max) && max > MOST)) {
      throw new SyntaxError("a repetition has bounds that make no sense");
    }
    return { kind: "repeat", part, min, max };
  }

  #atom(flags: Flags): Expression {
    const group = this.#take(/\((?:\?(?:P?<\w+>|([imsU]*)(?:-([imsU]+))?:))?(?!\?)/y);
    if (group !== undefined) {
      const inner = this.alternatives(changed(flags, group));
      if (this.#take(/\)/y) === undefined) throw new SyntaxError("a group is not closed");
      return inner;
    }
    const edge = this.#take(/[$^]|\\[AzbB]/y)?.[0];
    if (edge !== undefined) return { kind: "between", holds: edges(edge, flags) };
    const set = this.#take(/\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]/suy)?.[0];
    if (set !== undefined) return { kind: "character", takes: bracketed(set, flags) };
    const special = this.#take(/\\(?:x\{[0-9a-f]+\}|x[0-9a-f]{2}|p(?:\{\^?\w+\}|\w)|.)/isuy)?.[0];
    if (special !== undefined) return { kind: "character", takes: escaped(special, flags) };
    if (this.#take(/\./y) !== undefined) return { kind: "character", takes: dot(flags) };
    const plain = this.#take(/[^*+?()[\\|]/uy)?.[0];
    if (plain === undefined) throw new SyntaxError(`nothing is meant by "${this.#source.slice(this.#at)}"`);
    return { kind: "character", takes: literal(plain, flags) };
  }

  #isNext(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#source) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }
}

function changed(flags: Flags, [, on = "", off = ""]: RegExpExecArray): Flags {
  const flag = (letter: string, is: boolean): boolean => (on.includes(letter) || is) && !off.includes(letter);
  return {
    ignoreCase: flag("i", flags.ignoreCase),
    dotAll: flag("s", flags.dotAll),
    lines: flag("m", flags.lines),
  };
}

function edges(edge: string, { lines }: Flags) {
  const isWord = (character: string | undefined): boolean => character !== undefined && WORD.test(character);
  return (before: string | undefined, after: string | undefined): boolean => {
    switch (edge) {
      case "^":
        return before === undefined || (lines && before === "\n");
      case "$":
        return after === undefined || (lines && after === "\n");
      case "\\A":
        return before === undefined;
      case "\\z":
        return after === undefined;
      default:
        return (isWord(before) !== isWord(after)) === (edge === "\\b");
    }
  };
}
