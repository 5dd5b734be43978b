import pino from "pino";

export type LogLevel = "off" | "info" | "debug";

/** Structured logs: fields first, then the sentence. */
export type Log = pino.Logger;

/** One JSON object per line on standard error. */
export function createLog(level: LogLevel): Log {
  return pino(
    { name: "skein-cp", level: level === "off" ? "silent" : level },
    pino.destination({ dest: 2, sync: true }),
  );
}
