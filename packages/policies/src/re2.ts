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

/**
 * Whether an expression covers a text from its first to its last character, as RE2 in Envoy decides it. What both
 * languages write alike is left to JavaScript; flags in front and classes such as `[[:alpha:]]` are translated. It takes
 * what our validation lets through, and throws on anything else.
 */
export function coversText(regex: string, text: string): boolean {
  const [, flags = "", body = regex] = /^\(\?([imsU]+)\)(.*)$/s.exec(regex) ?? [];
  const translated = body.replaceAll(/\[:(\^?)(\w+):\]/g, (whole, not: string, name: string) =>
    not === "" ? (POSIX[name] ?? whole) : whole,
  );
  // Which of several ways of covering the whole text is taken makes no difference, so U (not greedy) says nothing.
  return new RegExp(`^(?:${translated})$`, `u${flags.replaceAll("U", "")}`).test(text);
}
