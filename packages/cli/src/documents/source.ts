import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createTransport } from "../client/http.ts";
import { CliError } from "../exit.ts";
import type { Io } from "../io.ts";

/** A text that holds documents, and the name to call it by in messages. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

const documentFile = /\.(ya?ml|json)$/;
const downloadTimeoutMs = 10_000;

/** The texts behind `-f`: a file, a directory's documents in the order of their names, a URL, or stdin for `-`. */
export async function readSources(location: string, io: Io): Promise<readonly Source[]> {
  if (location === "-") return [{ name: "stdin", text: await io.readStdin() }];
  if (/^https?:\/\//.test(location)) return [{ name: location, text: await download(location) }];
  try {
    if (!statSync(location).isDirectory()) return [readSource(location)];
    return readdirSync(location, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && documentFile.test(entry.name))
      .map((entry) => entry.name)
      .sort()
      .map((name) => readSource(join(location, name)));
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const reason = missing
      ? "there is no such file or directory"
      : cause instanceof Error
        ? cause.message
        : "";
    throw new CliError(`cannot read "${location}": ${reason}`, { cause });
  }
}

function readSource(path: string): Source {
  return { name: path, text: readFileSync(path, "utf8") };
}

async function download(location: string): Promise<string> {
  if (!URL.canParse(location)) throw new CliError(`"${location}" is not a URL`);
  const transport = createTransport({ skipVerify: false });
  try {
    const response = await transport.send({
      method: "GET",
      url: new URL(location),
      headers: { accept: "application/yaml, application/json, text/plain, */*" },
      timeoutMs: downloadTimeoutMs,
    });
    if (response.status !== 200) throw new CliError(`${location} answered ${response.status} instead of 200`);
    return response.body;
  } finally {
    transport.close();
  }
}
