import { readFileSync } from "node:fs";
import type { ApiServer } from "../config/config-file.ts";
import { CliError } from "../exit.ts";
import { isObject, type JsonObject, listAt, textAt } from "../read.ts";
import { apiErrorOf } from "./api-error.ts";
import { createTransport, type HttpResponse, type HttpTransport } from "./http.ts";

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Added to the client's own limit, for requests that wait on the server. */
  readonly extraTimeMs?: number;
  /** `false` leaves out the token, for `GET /`. */
  readonly authenticated?: boolean;
}

/** One page of a list; `next` is the offset of the following page. */
export interface Page {
  readonly items: readonly unknown[];
  readonly total: number;
  readonly next: string | undefined;
}

/** The control plane's HTTP API for one configured server. */
export interface ApiClient {
  readonly url: string;
  /** The answer whatever its status. */
  readonly request: (
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    options?: RequestOptions,
  ) => Promise<HttpResponse>;
  /** The answer, when it is below 400; otherwise throws what the control plane said. */
  readonly call: (
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    options?: RequestOptions,
  ) => Promise<HttpResponse>;
  /** The JSON object at a path. */
  readonly get: (path: string, query?: Query) => Promise<JsonObject>;
  readonly page: (path: string, query?: Query) => Promise<Page>;
  /** Every item of a list, however many pages it takes. */
  readonly all: (path: string, query?: Query) => Promise<readonly unknown[]>;
  readonly close: () => void;
}

const largestPage = "1000";

export function createApiClient(
  server: ApiServer,
  options: {
    readonly userAgent: string;
    readonly timeoutMs: number;
    readonly log?: (line: string) => void;
    readonly now: () => number;
  },
): ApiClient {
  const base = parseServerUrl(server.url);
  const transport = lazyTransport(server);

  async function request(
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    { query = {}, body, extraTimeMs = 0, authenticated = true }: RequestOptions = {},
  ): Promise<HttpResponse> {
    const url = resolveUrl(base, path, query);
    const started = options.now();
    const response = await transport.send({
      method,
      url,
      headers: {
        accept: "application/json, text/plain",
        "user-agent": options.userAgent,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...Object.fromEntries((server.headers ?? []).map(({ key, value }) => [key.toLowerCase(), value])),
        ...(authenticated && server.token !== undefined ? { authorization: `Bearer ${server.token}` } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs: options.timeoutMs === 0 ? 0 : options.timeoutMs + extraTimeMs,
    });
    options.log?.(`${method} ${url.href} ${response.status} in ${options.now() - started} ms`);
    return response;
  }

  async function call(
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    requestOptions?: RequestOptions,
  ): Promise<HttpResponse> {
    const response = await request(method, path, requestOptions);
    if (response.status >= 400) throw apiErrorOf(response.status, response.body);
    return response;
  }

  async function get(path: string, query?: Query): Promise<JsonObject> {
    return parseJsonObject(await call("GET", path, query === undefined ? {} : { query }), server.url);
  }

  async function page(path: string, query?: Query): Promise<Page> {
    const body = await get(path, query);
    const items = listAt(body, "items");
    return {
      items,
      total: typeof body.total === "number" ? body.total : items.length,
      next: offsetOf(textAt(body, "next")),
    };
  }

  async function all(path: string, query: Query = {}): Promise<readonly unknown[]> {
    const items: unknown[] = [];
    let offset = textAt(query, "offset") || undefined;
    for (;;) {
      const { next, items: more } = await page(path, {
        size: largestPage,
        ...query,
        ...(offset === undefined ? {} : { offset }),
      });
      items.push(...more);
      if (next === undefined || more.length === 0) return items;
      offset = next;
    }
  }

  return { url: server.url, request, call, get, page, all, close: transport.close };
}

/** Parses the JSON object in an answer; a control plane that sends something else is probably not one. */
export function parseJsonObject(response: HttpResponse, serverUrl: string): JsonObject {
  try {
    const value: unknown = JSON.parse(response.body);
    if (isObject(value)) return value;
  } catch {
    // told below
  }
  throw new CliError(`${serverUrl} did not answer with a JSON object; is it a control plane's API?`);
}

/** A path from segments, each escaped. */
export function apiPath(...segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

function offsetOf(next: string): string | undefined {
  if (next === "") return undefined;
  const url = URL.canParse(next) ? new URL(next) : new URL(next, "http://localhost");
  return url.searchParams.get("offset") ?? undefined;
}

function resolveUrl(base: URL, path: string, query: Query): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, "")}${path}`;
  for (const [key, value] of Object.entries(query)) {
    for (const one of typeof value === "string" ? [value] : (value ?? [])) url.searchParams.append(key, one);
  }
  return url;
}

function parseServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new CliError(`the control plane's address "${text}" is not an http:// or https:// URL`);
  }
  return url;
}

/** A transport whose certificates are read with the first request. */
function lazyTransport(server: ApiServer): HttpTransport {
  let transport: HttpTransport | undefined;
  return {
    send: async (request) => {
      transport ??= createTransport({
        skipVerify: server.skipVerify ?? false,
        ...(server.caCertFile === undefined ? {} : { ca: readPem(server.caCertFile) }),
        ...(server.clientCertFile === undefined ? {} : { cert: readPem(server.clientCertFile) }),
        ...(server.clientKeyFile === undefined ? {} : { key: readPem(server.clientKeyFile) }),
      });
      return transport.send(request);
    },
    close: () => transport?.close(),
  };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CliError(`cannot read "${path}", which the control plane's configuration names`, { cause });
  }
}
