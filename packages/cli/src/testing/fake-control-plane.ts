import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the fake control plane saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
}

/** Replies by `METHOD /path`; a function answers each request by itself. */
export type Routes = Readonly<Record<string, Reply | ((request: SeenRequest) => Reply | Promise<Reply>)>>;

export interface FakeControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** `METHOD /path?query` of each request but the version checks. */
  readonly log: () => readonly string[];
}

const index = {
  product: "Kuma",
  version: "2.14.3",
  hostname: "cp-1",
  clusterId: "c-1",
  instanceId: "cp-1-ab12",
};

/** An HTTP server that answers as a test says; everything else is 404 as the real one writes it. */
export async function startFakeControlPlane(routes: Routes): Promise<FakeControlPlane> {
  const requests: SeenRequest[] = [];
  const all: Routes = { "GET /": { body: index }, ...routes };
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", async () => {
      const url = new URL(incoming.url ?? "/", "http://fake");
      const text = Buffer.concat(chunks).toString("utf8");
      const request: SeenRequest = {
        method: incoming.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: incoming.headers,
        body: text === "" ? undefined : JSON.parse(text),
      };
      requests.push(request);
      const route = all[`${request.method} ${request.path}`];
      const reply = (typeof route === "function" ? await route(request) : route) ?? {
        status: 404,
        body: "404: Page Not Found",
      };
      const isText = typeof reply.body === "string";
      outgoing.writeHead(reply.status ?? 200, {
        "content-type": isText ? "text/plain" : "application/json",
        ...reply.headers,
      });
      outgoing.end(isText ? reply.body : JSON.stringify(reply.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    log: () =>
      requests
        .filter((request) => request.path !== "/")
        .map(({ method, path, query }) => `${method} ${path}${query.size === 0 ? "" : `?${query}`}`),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A problem document with the status it is sent with. */
export function problem(
  status: number,
  title: string,
  detail: string,
  fields: Readonly<Record<string, string>> = {},
): Reply {
  const parameters = Object.entries(fields).map(([field, reason]) => ({ field, reason }));
  return {
    status,
    body: {
      type: "/std-errors",
      status,
      title,
      detail,
      ...(parameters.length === 0 ? {} : { invalid_parameters: parameters }),
      details: detail,
    },
  };
}

/** A list answer with nothing after it. */
export function list(...items: readonly unknown[]): Reply {
  return { body: { total: items.length, items, next: null } };
}
