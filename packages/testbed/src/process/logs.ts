import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const WIDEST = 400;

/** The last lines of a log file, each cut to a readable width; empty where there is no file. */
export function tail(path: string, lines = 25, bytes = 16_384): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, bytes));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8").trimEnd().split("\n").slice(-lines).map(cut).join("\n");
  } finally {
    closeSync(file);
  }
}

function cut(line: string): string {
  return line.length > WIDEST ? `${line.slice(0, WIDEST)} …` : line;
}
