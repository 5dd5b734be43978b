import { Agent, request } from "node:http";
import type { Call } from "./answer.ts";

/** Makes calls for an app, with connections kept open as a real client would. */
export interface Outcall {
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<Call>;
  close(): void;
}

const MAX_BODY = 1 << 20;

/** @param timeoutMs how long an answer may take before the call counts as failed */
export function createOutcall(timeoutMs = 30_000): Outcall {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    get: (url, headers = {}) => get(agent, url, headers, timeoutMs),
    close: () => agent.destroy(),
  };
}

function get(
  agent: Agent,
  url: string,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Call> {
  const begin = performance.now();
  const elapsed = (): number => Math.round((performance.now() - begin) * 10) / 10;
  return new Promise((resolve) => {
    const fail = (error: Error): void =>
      resolve({ url, status: 0, body: null, error: reason(error), ms: elapsed() });
    const outgoing = request(url, { agent, headers, timeout: timeoutMs }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        if (text.length < MAX_BODY) text += chunk;
      });
      answer.on("error", fail);
      answer.on("end", () =>
        resolve({ url, status: answer.statusCode ?? 0, body: parsed(text), ms: elapsed() }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on("error", fail);
    outgoing.end();
  });
}

function reason(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
