/** RE2's names of classes inside brackets, as JavaScript writes them. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

/** The flags that stand at some place of an expression. */
export interface Flags {
  readonly ignoreCase: boolean;
  /** The dot takes the end of a line too. */
  readonly dotAll: boolean;
  /** `^` and `$` are about lines. */
  readonly lines: boolean;
}

/** An escape that JavaScript refuses inside brackets, and RE2 does not need. */
const NEEDLESS = /^\\[!"#%&',:;<=>@_`~]$/;

type Takes = (character: string) => boolean;

/** What a character stands for that is written as itself. */
export function literal(character: string, flags: Flags): Takes {
  return single(quoted(character), flags);
}

/** The dot. */
export function dot({ dotAll }: Flags): Takes {
  return dotAll ? () => true : (character) => character !== "\n";
}

/** What is in brackets, the brackets included. Inside them JavaScript wants more escapes than RE2. */
export function bracketed(source: string, flags: Flags): Takes {
  const [, not = "", inner = ""] = /^\[(\^?)(.*)\]$/su.exec(source) ?? [];
  const translated = inner.replaceAll(
    /\[:(\w+):\]|\\x\{([0-9a-f]+)\}|\\.|[[\](){}|/]/gisu,
    (part, name?: string, code?: string) => {
      if (name !== undefined) return POSIX[name] ?? unknown(part);
      if (code !== undefined) return `\\u{${code}}`;
      if (part.length > 1) return NEEDLESS.test(part) ? part.slice(1) : part;
      return `\\${part}`;
    },
  );
  return single(`[${not}${translated}]`, flags);
}

/** A backslash and what belongs to it. */
export function escaped(source: string, flags: Flags): Takes {
  const code = /^\\x\{([0-9a-f]+)\}$/iu.exec(source)?.[1];
  if (code !== undefined) return single(`\\u{${code}}`, flags);
  const letter = /^\\([pP])(\w)$/u.exec(source);
  if (letter !== null) return single(`\\${letter[1]}{${letter[2]}}`, flags);
  if (/^\\[!-/:-@[-`{-~]$/u.test(source)) return literal(source.slice(1), flags);
  return single(source === "\\a" ? "\\x07" : source, flags);
}

/** An expression of JavaScript for one character cannot go back, so it cannot be slow. */
function single(source: string, { ignoreCase }: Flags): Takes {
  const regex = new RegExp(`^${source}$`, ignoreCase ? "iu" : "u");
  return (character) => regex.test(character);
}

function quoted(character: string): string {
  return /[.*+?^${}()|[\]\\/]/.test(character) ? `\\${character}` : character;
}

function unknown(part: string): never {
  throw new SyntaxError(`there is no class ${part}`);
}
