import type { ServerResponse } from "node:http";

/** What an app says about a request that reached it. */
export interface EchoAnswer {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly method: string;
  readonly path: string;
  /** SPIFFE id that the sidecar verified; null where the request came without one. */
  readonly caller: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly time: string;
}

/** What an app says about a call that it made for us. Its HTTP status is the status of that call. */
export interface CallAnswer {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly caller: string | null;
  readonly call: Call;
}

export interface Call {
  readonly url: string;
  /** 0 where no HTTP answer came back. */
  readonly status: number;
  /** Parsed where the answer was JSON. */
  readonly body: unknown;
  readonly error?: string;
  readonly ms: number;
}

/** Writes `value` as one JSON document, with a newline so that a terminal stays readable. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value, null, 1)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
