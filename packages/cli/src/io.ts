import { homedir } from "node:os";
import { basename } from "node:path";
import type { Readable } from "node:stream";

/** All that a command may touch of its process, so that tests can run commands in theirs. */
export interface Io {
  /** The name the user called: `skeinctl` or `kumactl`. */
  readonly programName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly stdoutIsTerminal: boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly readStdin: () => Promise<string>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether this user may change the machine. */
  readonly isRoot: boolean;
  /** Tells a command that the user, or the system, wants it to stop. Until it is given back, the process does not end by itself. */
  readonly interruption: () => Disposable & { readonly signal: AbortSignal };
}

/** The {@link Io} of the running process. */
export function processIo(): Io {
  return {
    programName: programNameOf(process.argv[1]),
    env: process.env,
    home: homedir(),
    stdoutIsTerminal: process.stdout.isTTY === true,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readStdin: () => readAll(process.stdin),
    now: () => Date.now(),
    isRoot: process.geteuid?.() === 0,
    interruption: catchSignals,
  };
}

/** `kumactl` when called by that name, else `skeinctl` (also when the source file itself is run). */
export function programNameOf(script: string | undefined): string {
  return script !== undefined && basename(script, ".js") === "kumactl" ? "kumactl" : "skeinctl";
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  }
  return Buffer.concat(chunks).toString("utf8");
}

function catchSignals(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const stop = (name: string): void => controller.abort(new Error(`stopped by ${name}`));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, stop);
    },
  };
}
