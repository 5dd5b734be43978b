/** A step of an executable page, in the order of the text. */
export type Step = FileStep | CommandStep;

/** A YAML block with `file=…`: written into the page's directory. */
export interface FileStep {
  readonly kind: "file";
  readonly line: number;
  readonly name: string;
  readonly content: string;
}

/** A block of commands, and what it must print. */
export interface CommandStep {
  readonly kind: "command";
  readonly line: number;
  readonly script: string;
  /** Exit code of the last command; default 0. */
  readonly exit: number;
  /** Run again until the output fits, for at most so long. 0: the first try counts. */
  readonly eventuallyMs: number;
  readonly expected?: { readonly line: number; readonly lines: readonly string[] };
}

export interface Page {
  readonly name: string;
  readonly title: string;
  readonly steps: readonly Step[];
}

/** A mistake in a page: the line, and what to do. */
export class PageError extends Error {
  constructor(page: string, line: number, message: string) {
    super(`${page}:${line}: ${message}`);
    this.name = "PageError";
  }
}

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly options: ReadonlyMap<string, string>;
  readonly lines: readonly string[];
}

/**
 * Reads a Markdown page. Of its fenced blocks these run: `sh` (options `exit=N`, `eventually=5s`), `yaml file=NAME`, and
 * `output` (option `eventually=5s`), which belongs to the `sh` block before it. Blocks in other languages are prose.
 *
 * @throws PageError for an unknown option, an output without commands, an unclosed fence
 */
export function parsePage(name: string, text: string): Page {
  const steps: Step[] = [];
  for (const fence of fences(name, text)) {
    if (fence.language === "sh") steps.push(commandStep(name, fence));
    else if (fence.language === "yaml" && fence.options.has("file")) steps.push(fileStep(name, fence));
    else if (fence.language === "output") attachOutput(name, steps, fence);
  }
  return { name, title: /^# (.+)$/m.exec(text)?.[1] ?? name, steps };
}

function commandStep(page: string, fence: Fence): CommandStep {
  allow(page, fence, ["exit", "eventually"]);
  return {
    kind: "command",
    line: fence.line,
    script: `${fence.lines.join("\n")}\n`,
    exit: Number(fence.options.get("exit") ?? 0),
    eventuallyMs: duration(page, fence),
  };
}

function fileStep(page: string, fence: Fence): FileStep {
  allow(page, fence, ["file"]);
  const name = fence.options.get("file") ?? "";
  if (!/^[\w.-]+$/.test(name)) throw new PageError(page, fence.line, `file=${name}: use a plain file name`);
  return { kind: "file", line: fence.line, name, content: `${fence.lines.join("\n")}\n` };
}

function attachOutput(page: string, steps: Step[], fence: Fence): void {
  allow(page, fence, ["eventually"]);
  const step = steps.pop();
  if (step?.kind !== "command" || step.expected !== undefined) {
    throw new PageError(page, fence.line, "an output block must follow the sh block that prints it");
  }
  const eventuallyMs = Math.max(step.eventuallyMs, duration(page, fence));
  steps.push({ ...step, eventuallyMs, expected: { line: fence.line, lines: fence.lines } });
}

function* fences(page: string, text: string): Generator<Fence> {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const open = /^(`{3,})(\w*)(.*)$/.exec(lines[i] ?? "");
    if (open === null) continue;
    const [, ticks = "", language = "", info = ""] = open;
    const end = lines.findIndex((line, at) => at > i && line.trimEnd() === ticks);
    if (end < 0) throw new PageError(page, i + 1, "this block is not closed");
    yield {
      line: i + 1,
      language,
      options: parseOptions(page, i + 1, language, info),
      lines: lines.slice(i + 1, end),
    };
    i = end;
  }
}

const RUNNABLE = new Set(["sh", "yaml", "output"]);

function parseOptions(
  page: string,
  line: number,
  language: string,
  info: string,
): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  if (!RUNNABLE.has(language)) return options;
  for (const word of info.trim().split(/\s+/).filter(Boolean)) {
    const [key = "", value] = word.split("=");
    if (value === undefined) throw new PageError(page, line, `"${word}" is not an option; write key=value`);
    options.set(key, value);
  }
  return options;
}

function allow(page: string, fence: Fence, known: readonly string[]): void {
  for (const key of fence.options.keys()) {
    if (!known.includes(key)) {
      throw new PageError(
        page,
        fence.line,
        `unknown option ${key}; a ${fence.language} block takes ${known.join(", ")}`,
      );
    }
  }
}

function duration(page: string, fence: Fence): number {
  const text = fence.options.get("eventually");
  if (text === undefined) return 0;
  const match = /^(\d+)(ms|s)$/.exec(text);
  if (match === null)
    throw new PageError(page, fence.line, `eventually=${text}: write a time such as 5s or 500ms`);
  return Number(match[1]) * (match[2] === "s" ? 1000 : 1);
}
