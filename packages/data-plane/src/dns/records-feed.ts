import { createConnection } from "node:net";
import { exchange } from "../http-exchange.ts";
import type { HttpMessage } from "../http-message.ts";
import { messageOf } from "../launch-error.ts";
import type { Logger } from "../log.ts";
import { pause } from "../wait.ts";
import { type NameTable, readNameTable } from "./name-table.ts";

export interface RecordsFeedOptions {
  /** Unix socket on which Envoy answers `GET /dns`. */
  readonly socketPath: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** In ms. */
  readonly now: () => number;
  /** Called with every new table. */
  readonly onTable: (table: NameTable) => void;
}

const POLL_MS = 1_000;
/** Until there is a table, for a while: names should be there as soon as the proxy is. */
const FIRST_POLL_MS = 100;
const FIRST_POLLS = 150;
const TIMEOUT_MS = 2_000;

/** Questions of applications make for one question to Envoy in this time at most. */
const NEWS_GAP_MS = 200;

/**
 * Keeps asking Envoy for the names of the mesh, which the control plane gives it with the rest of its configuration, so
 * that they are there without a control plane, too. Without an answer, the last table stays.
 */
export class RecordsFeed {
  readonly #options: RecordsFeedOptions;
  #etag = "";
  #trouble = "";
  /** The question under way, or the last one: the next one waits for it. */
  #last: Promise<void> = Promise.resolve();
  #news: Promise<void> | undefined;
  #newsAt = Number.NEGATIVE_INFINITY;

  constructor(options: RecordsFeedOptions) {
    this.#options = options;
  }

  /** Asks again and again. Resolves after the signal. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    for (let polls = 0; !signal.aborted; polls++) {
      await this.#ask();
      await pause(this.#etag === "" && polls < FIRST_POLLS ? FIRST_POLL_MS : POLL_MS, signal);
    }
  }

  /**
   * Resolves when a table is in use that is no older than this call, or none could be had. Calls share questions to
   * Envoy, of which there are a few in a second.
   */
  news(): Promise<void> {
    this.#news ??= this.#askSoon();
    return this.#news;
  }

  async #askSoon(): Promise<void> {
    const { signal, now } = this.#options;
    await pause(Math.max(0, this.#newsAt + NEWS_GAP_MS - now()), signal);
    await this.#last;
    // From here on, what is asked for may be newer than the answer.
    this.#news = undefined;
    this.#newsAt = now();
    await this.#ask();
  }

  #ask(): Promise<void> {
    this.#last = this.#last.then(() => (this.#options.signal.aborted ? undefined : this.#exchange()));
    return this.#last;
  }

  /** Never rejects. */
  async #exchange(): Promise<void> {
    const { socketPath, log, onTable } = this.#options;
    try {
      const answer = await get(socketPath, this.#etag);
      if (answer.status === 200) {
        const table = readNameTable(answer.body);
        this.#etag = answer.etag ?? "";
        this.#trouble = "";
        onTable(table);
        log.debug("names of the mesh", { names: table.names.size });
        if (table.problems.length > 0)
          log.warn("some names of the mesh are unusable", { reason: table.problems.slice(0, 5) });
      } else if (answer.status !== 304) this.#failed(`Envoy answered GET /dns with ${answer.status}`);
    } catch (error) {
      // Envoy starts, or starts again.
      if (!isAbsent(error)) this.#failed(messageOf(error));
    }
  }

  #failed(reason: string): void {
    if (reason !== this.#trouble) {
      this.#options.log.warn("names of the mesh cannot be read; the last ones stay", { reason });
    }
    this.#trouble = reason;
  }
}

/** Nobody listens; or somebody did, and left with those who were waiting to be let in. */
function isAbsent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ECONNREFUSED" || (code === "ECONNRESET" && syscall === "connect");
}

function get(path: string, etag: string): Promise<HttpMessage> {
  const socket = createConnection({ path });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  const headers = etag === "" ? [] : [`if-none-match: ${etag}`];
  return exchange(socket, { method: "GET", path: "/dns", headers });
}
