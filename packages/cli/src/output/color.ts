import type { Io } from "../io.ts";

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** Wraps text in a colour, or leaves it alone. */
export type Paint = (color: keyof typeof codes, text: string) => string;

/** Colours only where a person looks: stdout is a terminal, `NO_COLOR` is unset or empty, `TERM` is not `dumb`. */
export function paintFor(io: Pick<Io, "env" | "stdoutIsTerminal">): Paint {
  const wanted = io.stdoutIsTerminal && (io.env.NO_COLOR ?? "") === "" && io.env.TERM !== "dumb";
  return wanted ? (color, text) => `\u001b[${codes[color]}m${text}\u001b[0m` : (_color, text) => text;
}
