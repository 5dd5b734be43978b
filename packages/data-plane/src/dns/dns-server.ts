import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { Logger } from "../log.ts";
import { pause } from "../wait.ts";
import { answerFromTable } from "./answer.ts";
import { countersText, newCounters } from "./counters.ts";
import { Forwarder } from "./forwarder.ts";
import { errorReply, isQuery, opcodeOf, type Question, RCODE, readQuestion } from "./message.ts";
import { EMPTY_TABLE, isInDomain, type NameTable } from "./name-table.ts";
import type { ResolvConf, Resolver } from "./resolv-conf.ts";
import { TcpListener } from "./tcp-listener.ts";

export interface DnsServerOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly resolvConf: () => ResolvConf;
  readonly log: Logger;
  /** Whole numbers from 0, below the argument, that nobody can foresee. */
  readonly random: (below: number) => number;
  /** In ms. */
  readonly now: () => number;
  /** Resolves when the table is no older than the call, as far as it can be had. */
  readonly news?: () => Promise<void>;
  /** After this many ms without an answer from resolvers it is SERVFAIL; default 4,500. */
  readonly longestMs?: number;
}

const RECEIVE_BYTES = 4 << 20;
/** No question of UDP is longer; what is relayed is held in memory meanwhile. */
const MAX_UDP_BYTES = 4_096;
/** Names that wait for a newer table, at the same time and each at the most. */
const MAX_WAITING = 1_024;
const LONGEST_NEWS_MS = 500;
const WARN_EVERY_MS = 60_000;
const ANY = new Set(["0.0.0.0", "::"]);

/**
 * Answers questions about names of the mesh by itself, and relays all others to the machine's resolvers, over UDP and
 * TCP on the same port. Until it has a table, it relays everything. A name that is unknown where the mesh has names may have
 * come just now: before it is relayed, the table is brought up to date.
 */
export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #counters = newCounters();
  readonly #forwarder: Forwarder;
  readonly #udp: Socket[] = [];
  readonly #tcp: TcpListener[] = [];
  #table: NameTable = EMPTY_TABLE;
  #waiting = 0;
  #isClosed = false;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DnsServerOptions) {
    this.#options = options;
    const { resolvConf, random, now } = options;
    this.#forwarder = new Forwarder({
      ...{ resolvConf, random, now },
      longestMs: options.longestMs,
      counters: this.#counters,
      isOwn: (resolver) => this.#isOwn(resolver),
    });
  }

  /** Listens on every address, or rejects with the error of the first that is not free, and listens on none. */
  async listen(): Promise<void> {
    const { addresses, port } = this.#options;
    try {
      for (const address of addresses) {
        await this.#listenUdp(address, port);
        const listener = new TcpListener((query, respond) => {
          this.#counters.tcp++;
          this.#handle(query, "tcp", undefined, respond);
        });
        await listener.listen(address, port);
        this.#tcp.push(listener);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Answers from another table from now on. Questions under way are not touched. */
  use(table: NameTable): void {
    this.#table = table;
  }

  /** Counters, as Prometheus reads them. */
  metrics(): string {
    return countersText(this.#counters, this.#table.names.size);
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#udp.splice(0)) socket.close();
    for (const listener of this.#tcp.splice(0)) listener.close();
    this.#forwarder.close();
  }

  async #listenUdp(address: string, port: number): Promise<void> {
    const family = isIPv6(address) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? "udp6" : "udp4",
      ipv6Only: family === 6,
      // Addresses of clients are addresses: looking them up would cost a turn of the event loop for each answer.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    this.#udp.push(socket);
    const listening = once(socket, "listening");
    socket.bind({ address, port, exclusive: true });
    await listening;
    socket.setRecvBufferSize(RECEIVE_BYTES);
    socket.on("error", (error) => this.#warn("a DNS socket failed", error.message));
    socket.on("message", (query, from) => {
      this.#counters.udp++;
      this.#handle(query, "udp", from, (reply) => {
        if (reply !== undefined) socket.send(reply, from.port, from.address, ignored);
      });
    });
  }

  #handle(
    query: Buffer,
    via: "udp" | "tcp",
    from: RemoteInfo | undefined,
    respond: (reply: Buffer | undefined) => void,
  ): void {
    const counters = this.#counters;
    if (!isQuery(query)) {
      counters.malformed++;
      respond(undefined);
      return;
    }
    const question = opcodeOf(query) === 0 ? readQuestion(query) : undefined;
    if (opcodeOf(query) === 0) {
      if (question === undefined) {
        counters.malformed++;
        respond(errorReply(query, RCODE.formatError));
        return;
      }
      if (this.#answered(query, question, via, respond)) return;
    }
    if (via === "udp" && query.length > MAX_UDP_BYTES) {
      counters.malformed++;
      respond(errorReply(query, RCODE.refused));
      return;
    }
    if (from !== undefined && this.#forwarder.sent(from.port, query.readUInt16BE(0))) {
      counters.looped++;
      this.#warn(
        "DNS questions of the launcher are led back to it: the user that it runs as must be excluded from redirection",
        `${from.address}:${from.port}`,
      );
      respond(errorReply(query, RCODE.serverFailure));
      return;
    }
    const { news } = this.#options;
    if (
      news === undefined ||
      question?.internet !== true ||
      this.#waiting >= MAX_WAITING ||
      !isInDomain(this.#table, question.key)
    ) {
      this.#forwarder.forward(query, via, respond);
      return;
    }
    this.#waiting++;
    void withinNews(news()).then(() => {
      this.#waiting--;
      if (this.#isClosed || this.#answered(query, question, via, respond)) return;
      this.#forwarder.forward(query, via, respond);
    });
  }

  /** Answers what the table has an answer to. */
  #answered(
    query: Buffer,
    question: Question,
    via: "udp" | "tcp",
    respond: (reply: Buffer) => void,
  ): boolean {
    const answer = answerFromTable(query, question, this.#table, via);
    if (answer === undefined) return false;
    this.#counters.mesh++;
    respond(answer);
    return true;
  }

  #isOwn({ address, port }: Resolver): boolean {
    const { addresses, port: own } = this.#options;
    const isLoopback = address === "::1" || address.startsWith("127.");
    return port === own && addresses.some((each) => each === address || (ANY.has(each) && isLoopback));
  }

  #warn(message: string, reason: string): void {
    const now = this.#options.now();
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    this.#options.log.warn(message, { reason });
  }
}

/** The names that have come, or the end of the time for them. */
async function withinNews(news: Promise<void>): Promise<void> {
  const inTime = new AbortController();
  await Promise.race([news, pause(LONGEST_NEWS_MS, inTime.signal)]);
  inTime.abort();
}

/** A client that is gone needs no answer. */
function ignored(): void {}
