import { createConnection } from "node:net";
import { decodeHttpResponse, type HttpMessage } from "../http-message.ts";
import { messageOf } from "../launch-error.ts";
import type { Logger } from "../log.ts";
import { pause } from "../wait.ts";
import { type NameTable, readNameTable } from "./name-table.ts";

export interface RecordsFeedOptions {
  /** Unix socket on which Envoy answers `GET /dns`. */
  readonly socketPath: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called with every new table. */
  readonly onTable: (table: NameTable) => void;
}

const POLL_MS = 1_000;
/** Until there is a table, for a while: names should be there as soon as the proxy is. */
const FIRST_POLL_MS = 100;
const FIRST_POLLS = 150;
const TIMEOUT_MS = 2_000;

/**
 * Keeps asking Envoy for the names of the mesh, which the control plane gives it with the rest of its configuration, so
 * that they are there without a control plane, too. Without an answer, the last table stays. Ends with the signal.
 */
export async function feedRecords({ socketPath, log, signal, onTable }: RecordsFeedOptions): Promise<void> {
  let etag = "";
  let trouble = "";
  const failed = (reason: string) => {
    if (reason !== trouble) log.warn("names of the mesh cannot be read; the last ones stay", { reason });
    trouble = reason;
  };
  for (let polls = 0; !signal.aborted; polls++) {
    try {
      const answer = await get(socketPath, etag);
      if (answer.status === 200) {
        const table = readNameTable(answer.body);
        etag = answer.etag ?? "";
        trouble = "";
        onTable(table);
        log.debug("names of the mesh", { names: table.names.size });
        if (table.problems.length > 0)
          log.warn("some names of the mesh are unusable", { reason: table.problems.slice(0, 5) });
      } else if (answer.status !== 304) failed(`Envoy answered GET /dns with ${answer.status}`);
    } catch (error) {
      // Envoy starts, or starts again.
      if (!isAbsent(error)) failed(messageOf(error));
    }
    await pause(etag === "" && polls < FIRST_POLLS ? FIRST_POLL_MS : POLL_MS, signal);
  }
}

function isAbsent(error: unknown): boolean {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return code === "ENOENT" || code === "ECONNREFUSED";
}

function get(path: string, etag: string): Promise<HttpMessage> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = createConnection({ path }, () => {
      const condition = etag === "" ? "" : `if-none-match: ${etag}\r\n`;
      socket.write(`GET /dns HTTP/1.1\r\nhost: envoy\r\n${condition}connection: close\r\n\r\n`);
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const message = decodeHttpResponse(Buffer.concat(chunks));
      if (message === undefined) reject(new Error("Envoy broke off its answer"));
      else resolve(message);
    });
  });
}
