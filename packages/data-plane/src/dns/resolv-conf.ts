import { isIP } from "node:net";
import { files } from "../files.ts";

/** One resolver of the machine. */
export interface Resolver {
  readonly address: string;
  readonly port: number;
}

/** What a resolv.conf says, as far as somebody who relays questions needs it. Search domains are the client's matter. */
export interface ResolvConf {
  readonly resolvers: readonly Resolver[];
  /** How long one resolver may take, in ms. */
  readonly timeoutMs: number;
  /** Questions take turns between the resolvers instead of going to the first that works. */
  readonly rotate: boolean;
}

const DNS_PORT = 53;
const DEFAULT_TIMEOUT_S = 5;

/**
 * Reads a resolv.conf(5). A resolver with another port than 53 is written `[address]:port`, as in OpenBSD. Without
 * any resolver the machine's own is meant.
 */
export function parseResolvConf(text: string): ResolvConf {
  const resolvers = new Map<string, Resolver>();
  let timeout = DEFAULT_TIMEOUT_S;
  let rotate = false;
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver") {
      const resolver = parseResolver(words[0] ?? "");
      if (resolver !== undefined) resolvers.set(`${resolver.address} ${resolver.port}`, resolver);
    } else if (keyword === "options") {
      for (const word of words) {
        const seconds = /^timeout:(\d+)$/.exec(word)?.[1];
        if (seconds !== undefined) timeout = Math.min(Math.max(Number(seconds), 1), 30);
        if (word === "rotate") rotate = true;
      }
    }
  }
  const found = [...resolvers.values()];
  return {
    resolvers: found.length > 0 ? found : [{ address: "127.0.0.1", port: DNS_PORT }],
    timeoutMs: timeout * 1_000,
    rotate,
  };
}

function parseResolver(text: string): Resolver | undefined {
  const [, bracketed, port] = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? text;
  if (isIP(address.split("%")[0] ?? "") === 0) return undefined;
  return { address, port: port === undefined ? DNS_PORT : Number(port) };
}

const LOOK_AGAIN_MS = 1_000;

/** A resolv.conf that is read again when it has changed: looked at when it is asked for, at most once a second. */
export class ResolvConfFile {
  readonly #file: string;
  readonly #now: () => number;
  #current = parseResolvConf("");
  #seen = "";
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `now` in ms. */
  constructor(file: string, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  /** The newest content; the same object as long as the file is the same. A file that is missing keeps what there was. */
  current(): ResolvConf {
    const now = this.#now();
    if (now - this.#lookedAt < LOOK_AGAIN_MS) return this.#current;
    this.#lookedAt = now;
    try {
      const text = files.readFileSync(this.#file, "utf8");
      if (text !== this.#seen) {
        this.#seen = text;
        this.#current = parseResolvConf(text);
      }
    } catch {
      // Replaced at this very moment, or never there.
    }
    return this.#current;
  }
}
