import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { parseArgs } from "node:util";

/**
 * Stands in for curl where a machine has none: as much of it as the pages use. Plain HTTP; exit codes are curl's
 * (7 refused, 28 too slow, 52 empty reply, 56 reset).
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: "boolean", short: "s" },
    "show-error": { type: "boolean", short: "S" },
    include: { type: "boolean", short: "i" },
    output: { type: "string", short: "o" },
    "write-out": { type: "string", short: "w" },
    request: { type: "string", short: "X" },
    header: { type: "string", short: "H", multiple: true, default: [] },
    data: { type: "string", short: "d" },
    "max-time": { type: "string", short: "m" },
    "unix-socket": { type: "string" },
  },
});

const EXIT: Readonly<Record<string, number>> = { ECONNREFUSED: 7, ETIMEDOUT: 28, EPIPE: 55, ECONNRESET: 56 };

const target = positionals[0] ?? "";
const url = new URL(/^https?:/.test(target) ? target : `http://${target}`);
const headers = Object.fromEntries(
  values.header.map((line) => [line.split(":", 1)[0] ?? "", line.slice(line.indexOf(":") + 1).trim()]),
);
const socket = values["unix-socket"];

const outgoing = request(
  url,
  {
    method: values.request ?? (values.data === undefined ? "GET" : "POST"),
    headers: { accept: "*/*", ...headers },
    timeout: Number(values["max-time"] ?? 300) * 1000,
    ...(socket === undefined ? {} : { socketPath: socket }),
  },
  (answer) => {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => {
      const head =
        values.include === true ? `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n\r\n` : "";
      const body = Buffer.concat([Buffer.from(head), ...chunks]);
      if (values.output === undefined) process.stdout.write(body);
      else writeFileSync(values.output, body);
      process.stdout.write(written(values["write-out"] ?? "", answer.statusCode ?? 0));
    });
  },
);
outgoing.on("timeout", () => outgoing.destroy(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })));
outgoing.on("error", (error) => {
  const code = "code" in error ? String(error.code) : "";
  if (values.silent !== true || values["show-error"] === true) console.error(`curl: ${error.message}`);
  process.stdout.write(written(values["write-out"] ?? "", 0));
  process.exitCode = error.message === "socket hang up" ? 52 : (EXIT[code] ?? 1);
});
outgoing.end(values.data);

function written(format: string, status: number): string {
  return format
    .replaceAll("%{http_code}", String(status).padStart(3, "0"))
    .replaceAll("\\n", "\n")
    .replaceAll("\\t", "\t");
}
