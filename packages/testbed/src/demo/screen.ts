import { styleText } from "node:util";

/** Writes the demo's lines: at most 80 columns, coloured on a terminal only. */
export interface Screen {
  title(text: string): void;
  step(number: number, of: number, text: string): void;
  /** A sentence, wrapped. */
  say(text: string): void;
  /** A document, as it is applied. */
  document(text: string): void;
  /** A command as a user would type it. */
  command(text: string): void;
  /** A measurement or result, dimmed. */
  note(text: string): void;
  passed(text: string): void;
  failed(text: string, detail: string): void;
  raw(text: string): void;
}

type Style = Parameters<typeof styleText>[0];

export function createScreen(stream: NodeJS.WriteStream): Screen {
  const colour = (style: Style, text: string): string => styleText(style, text, { stream });
  const line = (text = ""): void => {
    stream.write(`${text}\n`);
  };
  return {
    title: (text) => line(`\n${colour("bold", text)}`),
    step: (number, of, text) =>
      line(`\n${colour(["bold", "cyan"], `[${number}/${of}]`)} ${colour("bold", text)}`),
    say: (text) => {
      for (const part of wrap(text, 74)) line(`  ${part}`);
    },
    document: (text) => {
      for (const part of text.trimEnd().split("\n")) line(colour("dim", `    │ ${part}`));
    },
    command: (text) => line(`    ${colour("cyan", "$")} ${text}`),
    note: (text) => line(colour("dim", `    ${text}`)),
    passed: (text) => line(`  ${colour("green", "✓")} ${text}`),
    failed: (text, detail) => {
      line(`  ${colour("red", "✗")} ${text}`);
      for (const part of detail.split("\n")) line(colour("red", `      ${part}`));
    },
    raw: (text) => line(text.trimEnd()),
  };
}

/** Breaks a sentence at blanks. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return line === "" ? lines : [...lines, line];
}
