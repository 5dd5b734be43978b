import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { answers, withId } from "./message.ts";
import type { Resolver } from "./resolv-conf.ts";

const SOCKETS = 8;
/** After this many questions a socket makes way for one with another port, which nobody can have guessed. */
const QUESTIONS_PER_SOCKET = 1_000;
const MAX_AGE_MS = 60_000;
const RECEIVE_BYTES = 1 << 20;

/** Called with the answer, or without one when the resolver cannot be reached. */
type OnAnswer = (reply: Buffer | undefined) => void;

interface Waiting {
  readonly query: Buffer;
  readonly onAnswer: OnAnswer;
}

/** Taking back a question: its answer is not waited for any more. */
export type Cancel = () => void;

/**
 * Sends questions to one resolver by UDP, over a few sockets: each connected, so that nobody else's packets reach it and
 * a closed port is heard of, and each question under a random number that is free on its socket (RFC 5452).
 */
export class UdpSockets {
  readonly #resolver: Resolver;
  readonly #random: (below: number) => number;
  readonly #now: () => number;
  readonly #open: Port[] = [];
  readonly #retired = new Set<Port>();

  /** `random` gives whole numbers from 0, below its argument, that nobody can foresee; `now` is in ms. */
  constructor(resolver: Resolver, random: (below: number) => number, now: () => number) {
    this.#resolver = resolver;
    this.#random = random;
    this.#now = now;
  }

  /** Sends a question. `onAnswer` is called at most once, and not after the question was taken back. */
  ask(query: Buffer, onAnswer: OnAnswer): Cancel {
    const slot = this.#random(SOCKETS);
    let port = this.#open[slot];
    if (port === undefined || !port.fresh(this.#now())) {
      if (port !== undefined) this.#retire(port);
      port = new Port(this.#resolver, this.#now());
      this.#open[slot] = port;
    }
    const used = port;
    let id = this.#random(0x10000);
    while (used.waiting.has(id)) id = (id + 1) & 0xffff;
    const waiting = { query, onAnswer };
    used.send(id, waiting);
    return () => {
      // By now the number may be another question's.
      if (used.waiting.get(id) === waiting) used.waiting.delete(id);
      this.#closeIfIdle(used);
    };
  }

  /** Whether a packet from this local port, under this number, is a question that we sent and wait for. */
  sent(port: number, id: number): boolean {
    return [...this.#open, ...this.#retired].some((each) => each?.local === port && each.waiting.has(id));
  }

  close(): void {
    for (const port of [...this.#open, ...this.#retired]) port?.close();
    this.#open.length = 0;
    this.#retired.clear();
  }

  #retire(port: Port): void {
    this.#retired.add(port);
    this.#closeIfIdle(port);
  }

  #closeIfIdle(port: Port): void {
    if (!this.#retired.has(port) || port.waiting.size > 0) return;
    this.#retired.delete(port);
    port.close();
  }
}

/** One socket and what is asked through it. */
class Port {
  readonly waiting = new Map<number, Waiting>();
  /** Its number, once it has one. */
  local: number | undefined;
  readonly #socket: Socket;
  readonly #opened: number;
  #sent = 0;
  #isClosed = false;

  constructor({ address, port }: Resolver, now: number) {
    this.#opened = now;
    const family = isIPv6(address.split("%")[0] ?? "") ? 6 : 4;
    this.#socket = createSocket({
      type: family === 6 ? "udp6" : "udp4",
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    this.#socket.on("error", () => this.#fail());
    this.#socket.on("message", (reply) => this.#answered(reply));
    this.#socket.once("connect", () => {
      if (this.#isClosed) return;
      this.local = this.#socket.address().port;
      this.#socket.setRecvBufferSize(RECEIVE_BYTES);
      for (const [id, { query }] of this.waiting) this.#write(id, query);
    });
    this.#socket.connect(port, address);
    this.#socket.unref();
  }

  fresh(now: number): boolean {
    return !this.#isClosed && this.#sent < QUESTIONS_PER_SOCKET && now - this.#opened < MAX_AGE_MS;
  }

  send(id: number, waiting: Waiting): void {
    this.#sent++;
    this.waiting.set(id, waiting);
    if (this.local !== undefined) this.#write(id, waiting.query);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  #write(id: number, query: Buffer): void {
    this.#socket.send(withId(query, id), (error) => {
      if (error !== null) this.#take(id)?.onAnswer(undefined);
    });
  }

  #answered(reply: Buffer): void {
    const id = reply.length < 2 ? -1 : reply.readUInt16BE(0);
    const waiting = this.waiting.get(id);
    if (waiting !== undefined && answers(reply, waiting.query, id)) this.#take(id)?.onAnswer(reply);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    return waiting;
  }

  /** The network said no: everything that waits here is told, and the next question opens another socket. */
  #fail(): void {
    this.close();
    for (const [id] of [...this.waiting]) this.#take(id)?.onAnswer(undefined);
  }
}
