/** What the process answers its caller. Documented in the README; scripts rely on it. */
export const exitCode = {
  ok: 0,
  error: 1,
  usage: 2,
  /** Everything was written, but `--wait` ended before every affected proxy had acknowledged. */
  waitNotSatisfied: 3,
  /** `explain`: the request would not get through. */
  refused: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/**
 * What the user has to be told when a command cannot go on: one sentence, lines of detail, an exit code. Commands
 * throw it and {@link runCli} prints it; anything else that is thrown is a bug and shows its stack.
 */
export class CliError extends Error {
  readonly details: readonly string[];
  readonly exitCode: ExitCode;

  constructor(
    message: string,
    options: {
      readonly details?: readonly string[];
      readonly exitCode?: ExitCode;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "CliError";
    this.details = options.details ?? [];
    this.exitCode = options.exitCode ?? exitCode.error;
  }
}

/** A command that has said all that it has to say, and ends with a code of its own. */
export class Finished extends Error {
  readonly exitCode: ExitCode;

  constructor(code: ExitCode) {
    super(`finished with exit code ${code}`);
    this.name = "Finished";
    this.exitCode = code;
  }
}

/** A command line that cannot be understood: exit code 2. */
export function usageError(message: string, details: readonly string[] = []): CliError {
  return new CliError(message, { details, exitCode: exitCode.usage });
}
