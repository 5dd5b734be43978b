import { files } from "./files.ts";

/** Severities in rising order; `off` writes nothing. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values that belong to a message; they become `key=value` pairs or JSON members. */
export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Where the launcher reports what it does. One line a call. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly json: boolean;
  readonly now?: () => Date;
  readonly write?: (line: string) => void;
}

/**
 * A logger that writes straight to file descriptor 2. `process.stderr` is left untouched on purpose: opening it loads
 * more of Node and may make a pipe that Envoy shares with us non-blocking.
 */
export function createLogger(options: LoggerOptions): Logger {
  const now = options.now ?? (() => new Date());
  const write = options.write ?? writeStderr;
  const threshold = LOG_LEVELS.indexOf(options.level);
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(level) < threshold) return;
      const time = now().toISOString();
      write(
        options.json
          ? `${JSON.stringify({ time, level, logger: "skein-dp", message, ...fields })}\n`
          : `${time} ${level.toUpperCase().padEnd(5)} ${message}${pairs(fields)}\n`,
      );
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function pairs(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}=${typeof value === "string" && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
    )
    .join("");
}

function writeStderr(line: string): void {
  try {
    files.writeSync(2, line);
  } catch {
    // A closed stderr must not end the proxy.
  }
}
