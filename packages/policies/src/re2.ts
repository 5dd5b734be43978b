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

/** Whether an expression covers a text from its first to its last character, as RE2 in Envoy decides it. */
export function coversText(regex: string, text: string): boolean {
  return asJavaScript(regex).test(text);
}

/**
 * An expression of RE2 that must cover the whole text, for JavaScript. What both languages write alike is left as it is;
 * flags in front and classes such as `[[:alpha:]]` are translated. Throws on what is no expression.
 */
export function asJavaScript(regex: string): RegExp {
  const [, flags = "", body = regex] = /^\(\?([imsU]+)\)(.*)$/s.exec(regex) ?? [];
  const translated = body.replaceAll(/\[:(\w+):\]/g, (whole, name: string) => POSIX[name] ?? whole);
  // Which of several ways of covering the whole text is taken makes no difference, so U (not greedy) says nothing.
  return new RegExp(`^(?:${translated})$`, `u${flags.replaceAll("U", "")}`);
}
