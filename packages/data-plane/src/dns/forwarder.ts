import type { DnsCounters } from "./counters.ts";
import { errorReply, RCODE, rcodeOf, withId } from "./message.ts";
import type { ResolvConf, Resolver } from "./resolv-conf.ts";
import { askByTcp } from "./tcp-exchange.ts";
import { type Cancel, UdpSockets } from "./udp-sockets.ts";

export interface ForwarderInputs {
  readonly resolvConf: () => ResolvConf;
  /** Addresses that are our own: never asked. */
  readonly isOwn: (resolver: Resolver) => boolean;
  readonly counters: DnsCounters;
  /** Whole numbers from 0, below the argument, that nobody can foresee. */
  readonly random: (below: number) => number;
  /** In ms. */
  readonly now: () => number;
  /** After this many ms the answer is SERVFAIL; default 4,500. */
  readonly longestMs?: number | undefined;
}

/** A client gives up after 5 s (resolv.conf(5)): whatever happens, it hears of it before. */
const LONGEST_MS = 4_500;
const MIN_TRIES = 3;
const MAX_TRIES = 6;
/** A resolver that did not answer is asked after the others for this long. */
const AVOID_MS = 10_000;
/** Different questions under way. Each holds some hundred bytes. */
const MAX_QUESTIONS = 2_048;
/** Clients that wait, several for one question where their questions are equal. */
const MAX_CLIENTS = 8_192;
const MAX_TCP = 64;

type Respond = (reply: Buffer) => void;

/** A question under way. Equal questions of several clients are one. */
interface Question {
  readonly query: Buffer;
  readonly via: "udp" | "tcp";
  readonly clients: { readonly id: number; readonly respond: Respond }[];
  /** In ms, as `now` has it. */
  readonly since: number;
  /** In the order in which they are asked; as many as there are tries. */
  readonly resolvers: readonly Resolver[];
  /** Those that are no help for this question. */
  readonly useless: Set<Resolver>;
  /** One that came but sends the client elsewhere: relayed if no resolver has a better one. */
  poor: Buffer | undefined;
  asked: number;
  unanswered: number;
  readonly cancels: Cancel[];
  timer: NodeJS.Timeout | undefined;
}

/**
 * Relays questions to the machine's resolvers and their answers back, untouched but for the number. A resolver that is
 * silent, unreachable or of no help is followed by the next; when all were, the client gets SERVFAIL within 4.5 s.
 */
export class Forwarder {
  readonly #inputs: ForwarderInputs;
  readonly #longestMs: number;
  readonly #questions = new Map<string, Question>();
  readonly #sockets = new Map<string, UdpSockets>();
  readonly #avoided = new Map<string, number>();
  readonly #answeredAt = new Map<string, number>();
  #conf: ResolvConf | undefined;
  #clients = 0;
  #tcp = 0;
  #turn = 0;

  constructor(inputs: ForwarderInputs) {
    this.#inputs = inputs;
    this.#longestMs = inputs.longestMs ?? LONGEST_MS;
  }

  /** Relays a question; `respond` is called once. */
  forward(query: Buffer, via: "udp" | "tcp", respond: Respond): void {
    const { counters } = this.#inputs;
    const client = { id: query.readUInt16BE(0), respond };
    // All but the number: what two clients ask with different flags or options are two questions.
    const key = via + query.toString("latin1", 2);
    const same = this.#questions.get(key);
    const isFull =
      this.#clients >= MAX_CLIENTS ||
      (same === undefined &&
        (this.#questions.size >= MAX_QUESTIONS || (via === "tcp" && this.#tcp >= MAX_TCP)));
    if (isFull) {
      counters.overloaded++;
      respond(errorReply(query, RCODE.serverFailure));
      return;
    }
    this.#clients++;
    if (same !== undefined) {
      counters.shared++;
      same.clients.push(client);
      return;
    }
    counters.forwarded++;
    if (via === "tcp") this.#tcp++;
    const question: Question = {
      query,
      via,
      clients: [client],
      since: this.#inputs.now(),
      resolvers: this.#order(),
      useless: new Set(),
      poor: undefined,
      asked: 0,
      unanswered: 0,
      cancels: [],
      timer: undefined,
    };
    this.#questions.set(key, question);
    this.#askNext(key, question);
  }

  /** Whether a packet that came from this port of ours, under this number, is a question that we sent ourselves. */
  sent(port: number, id: number): boolean {
    for (const sockets of this.#sockets.values()) if (sockets.sent(port, id)) return true;
    return false;
  }

  close(): void {
    for (const { cancels, timer } of this.#questions.values()) {
      clearTimeout(timer);
      for (const cancel of cancels) cancel();
    }
    this.#questions.clear();
    for (const sockets of this.#sockets.values()) sockets.close();
    this.#sockets.clear();
  }

  /** Whom to ask, one after the other: those that answered lately come first, and everybody more than once if there is time. */
  #order(): readonly Resolver[] {
    const conf = this.#inputs.resolvConf();
    if (conf !== this.#conf) this.#reconfigured(conf);
    const now = this.#inputs.now();
    const usable = conf.resolvers.filter((each) => !this.#inputs.isOwn(each));
    const turn = conf.rotate && usable.length > 0 ? this.#turn++ % usable.length : 0;
    const turned = [...usable.slice(turn), ...usable.slice(0, turn)];
    const isAvoided = (each: Resolver): boolean => (this.#avoided.get(keyOf(each)) ?? 0) > now;
    const order = [...turned.filter((each) => !isAvoided(each)), ...turned.filter(isAvoided)];
    const tries = order.length === 0 ? 0 : Math.min(Math.max(order.length, MIN_TRIES), MAX_TRIES);
    return Array.from({ length: tries }, (_, index) => order[index % order.length] as Resolver);
  }

  #reconfigured(conf: ResolvConf): void {
    this.#conf = conf;
    const wanted = new Set(conf.resolvers.map(keyOf));
    for (const [key, sockets] of this.#sockets) {
      if (wanted.has(key)) continue;
      this.#sockets.delete(key);
      this.#avoided.delete(key);
      this.#answeredAt.delete(key);
      // What was asked there may still be answered; after that nobody waits for it.
      setTimeout(() => sockets.close(), this.#longestMs).unref();
    }
  }

  #askNext(key: string, question: Question): void {
    clearTimeout(question.timer);
    const { now } = this.#inputs;
    const resolver = nextOf(question);
    if (resolver === undefined) {
      const leftMs = question.unanswered === 0 ? 0 : question.since + this.#longestMs - now();
      if (leftMs <= 0) {
        this.#finish(key, question, question.poor);
        return;
      }
      question.timer = setTimeout(() => this.#finish(key, question, question.poor), leftMs);
      return;
    }
    const sent = now();
    question.unanswered++;
    question.timer = setTimeout(
      () => {
        // Slow with this question only, if it answered others meanwhile.
        if ((this.#answeredAt.get(keyOf(resolver)) ?? Number.NEGATIVE_INFINITY) < sent) this.#avoid(resolver);
        this.#askNext(key, question);
      },
      Math.min(
        this.#conf?.timeoutMs ?? this.#longestMs,
        Math.floor(this.#longestMs / question.resolvers.length),
      ),
    );
    question.cancels.push(
      this.#ask(resolver, question, (reply) => {
        question.unanswered--;
        if (reply === undefined) this.#avoid(resolver);
        else {
          this.#answeredAt.set(keyOf(resolver), now());
          this.#avoided.delete(keyOf(resolver));
        }
        if (reply !== undefined && !SENDS_ELSEWHERE.has(rcodeOf(reply))) {
          this.#finish(key, question, reply);
          return;
        }
        question.useless.add(resolver);
        question.poor ??= reply;
        this.#askNext(key, question);
      }),
    );
  }

  #avoid(resolver: Resolver): void {
    this.#avoided.set(keyOf(resolver), this.#inputs.now() + AVOID_MS);
  }

  #ask(resolver: Resolver, { query, via }: Question, onAnswer: (reply: Buffer | undefined) => void): Cancel {
    if (via === "tcp") return askByTcp(resolver, query, this.#inputs.random(0x10000), onAnswer);
    const key = keyOf(resolver);
    let sockets = this.#sockets.get(key);
    if (sockets === undefined) {
      sockets = new UdpSockets(resolver, this.#inputs.random, this.#inputs.now);
      this.#sockets.set(key, sockets);
    }
    return sockets.ask(query, onAnswer);
  }

  #finish(key: string, question: Question, reply: Buffer | undefined): void {
    clearTimeout(question.timer);
    for (const cancel of question.cancels) cancel();
    this.#questions.delete(key);
    this.#clients -= question.clients.length;
    if (question.via === "tcp") this.#tcp--;
    if (reply === undefined) this.#inputs.counters.failed += question.clients.length;
    const answer = reply ?? errorReply(question.query, RCODE.serverFailure);
    for (const { id, respond } of question.clients) respond(withId(answer, id));
  }
}

function nextOf(question: Question): Resolver | undefined {
  for (;;) {
    const resolver = question.resolvers[question.asked];
    if (resolver === undefined) return undefined;
    question.asked++;
    if (!question.useless.has(resolver)) return resolver;
  }
}

/** Answers after which a client would ask its next resolver, as glibc does. */
const SENDS_ELSEWHERE: ReadonlySet<number> = new Set([
  RCODE.serverFailure,
  RCODE.notImplemented,
  RCODE.refused,
]);

function keyOf({ address, port }: Resolver): string {
  return `${address} ${port}`;
}
