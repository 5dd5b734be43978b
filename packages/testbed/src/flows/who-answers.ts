import { Agent, type RequestOptions, request } from "node:http";
import { connect } from "node:net";
import { patiently } from "../patience.ts";
import { until } from "../poll.ts";

/** Which instance answered a request, and the cookie that came with the answer. */
export interface Answered {
  readonly status: number;
  /** Empty where no app answered. */
  readonly instance: string;
  readonly cookie: string | undefined;
}

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  /** Address from which the caller calls. */
  readonly from?: string;
}

/** Sends GET requests one after the other over an open connection, and says who answered. */
export function asker(base: string): {
  ask(path?: string, asking?: Asking): Promise<Answered>;
  close(): void;
} {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  return { ask: (path = "/", asking = {}) => ask(agent, base + path, asking), close: () => agent.destroy() };
}

function ask(agent: Agent, url: string, { headers = {}, from }: Asking): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = { agent, headers, timeout: patiently(10_000) };
    if (from !== undefined) options.localAddress = from;
    const outgoing = request(url, options, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          instance: /"instance":\s*"([^"]*)"/.exec(body)?.[1] ?? "",
          cookie: answer.headers["set-cookie"]?.[0]?.split(";")[0],
        }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${url}: no answer in time`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Which instance greets on a connection; empty where none does within `waitMs`. */
export function greeter(host: string, port: number, from?: string, waitMs = 3_000): Promise<string> {
  return new Promise((resolve) => {
    let seen = "";
    const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) });
    const end = (): void => {
      socket.destroy();
      resolve(seen.endsWith("\n") ? seen.trim() : "");
    };
    socket.setTimeout(waitMs, end);
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes("\n")) end();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}

/** How often each of many askings was answered by whom. */
export async function tally(count: number, who: () => Promise<string>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const name = await who();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Waits until these instances, and nobody else, have answered all of 30 askings in a row. */
export async function answeredOnlyBy(names: readonly string[], who: () => Promise<string>): Promise<void> {
  await until(
    `only ${names.join()} answers`,
    async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 30; i++) {
        const name = await who();
        if (!names.includes(name)) throw new Error(`"${name}" answered`);
        seen.add(name);
      }
      if (seen.size < names.length) throw new Error(`only ${[...seen].join()} answered`);
      return true;
    },
    { timeoutMs: 30_000 },
  );
}
