import { Agent, type ClientRequest, type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { patiently } from "../patience.ts";

/** One request of a load: answers with why it failed, or `undefined` where it did not. */
export type Send = () => Promise<string | undefined>;

/** A client that sends one kind of request; closing it drops its open connections. */
export interface Client {
  readonly send: Send;
  close(): void;
}

export interface LoadReport {
  readonly sent: number;
  readonly failures: readonly { readonly afterMs: number; readonly reason: string }[];
}

export interface Load {
  report(): LoadReport;
  /** Begins no more requests, waits for those under way, and reports. */
  stop(): Promise<LoadReport>;
}

/** An answer that takes longer is a failure. */
const ANSWER_MS = patiently(5_000);

/**
 * Sends requests at a steady rate, begun at fixed times whether or not earlier ones were answered, and counts each one:
 * after a stall the missed ones are sent at once, so that a stall cannot hide failures.
 */
export function startLoad(client: Client, rate: number): Load {
  const begin = performance.now();
  const failures: { afterMs: number; reason: string }[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  const one = async (): Promise<void> => {
    const afterMs = Math.round(performance.now() - begin);
    const reason = await client.send();
    if (reason !== undefined) failures.push({ afterMs, reason });
  };
  const timer = setInterval(
    () => {
      const due = Math.floor(((performance.now() - begin) / 1000) * rate) + 1;
      for (; sent < due; sent++) {
        const request = one().finally(() => underWay.delete(request));
        underWay.add(request);
      }
    },
    Math.min(50, 500 / rate),
  );
  timer.unref();
  const report = (): LoadReport => ({ sent, failures: [...failures] });
  return {
    report,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
      client.close();
      return report();
    },
  };
}

/** How a client treats its connections: one for each request, or open ones used again. */
export type Connections = "new" | "kept";

/** GET requests; anything but `status` is a failure. */
export function httpClient(url: string, connections: Connections, status = 200): Client {
  const agent = new Agent({ keepAlive: connections === "kept", maxSockets: 64 });
  return {
    close: () => agent.destroy(),
    send: async () => {
      const answer = await get(agent, url);
      if (answer.error !== undefined) return answer.error;
      return answer.status === status ? undefined : `${answer.status} ${answer.body.slice(0, 160)}`;
    },
  };
}

/** Connections to a TCP echo, one for each request: its greeting and the echo of a text have to come. */
export function tcpClient(host: string, port: number): Client {
  return { close: () => {}, send: () => echo(host, port) };
}

/** What came back from one GET; status 0 where nothing did. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  readonly error: string | undefined;
  /** The request went over a connection that had been used before. */
  readonly reused: boolean;
}

/** One GET. */
export function get(agent: Agent | undefined, url: string, timeoutMs = ANSWER_MS): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: Error): void =>
      resolve({
        status: 0,
        body: "",
        headers: {},
        error: reasonOf(error),
        reused: outgoing.reusedSocket,
      });
    const outgoing: ClientRequest = request(url, { agent: agent ?? false, timeout: timeoutMs }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("error", fail);
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          body,
          headers: answer.headers,
          error: undefined,
          reused: outgoing.reusedSocket,
        }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on("error", fail);
    outgoing.end();
  });
}

function echo(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const text = "over and out\n";
    let seen = "";
    const socket = connect({ host, port });
    const end = (reason: string | undefined): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(ANSWER_MS, () => end(`no echo within ${ANSWER_MS} ms`));
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString("utf8");
      if (seen.endsWith(`\n${text}`)) end(undefined);
    });
    socket.on("error", (error) => end(reasonOf(error)));
    socket.on("close", () => end(`closed after ${JSON.stringify(seen)}`));
  });
}

function reasonOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
