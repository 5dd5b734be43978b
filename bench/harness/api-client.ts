/** What a write answers. */
export interface Written {
  readonly changeId: number;
  readonly warnings: readonly string[];
}

/** The part of the HTTP API that benchmarks use. */
export interface ApiClient {
  get(path: string): Promise<unknown>;
  put(path: string, document: object): Promise<Written>;
  delete(path: string): Promise<Written>;
  dataplaneToken(mesh: string, name: string): Promise<string>;
  /** Resolves when every proxy that a change affects has answered. @throws after a minute */
  settled(changeId: number): Promise<ChangeCounts>;
}

/** Proxies of a change. */
export interface ChangeCounts {
  readonly affected: number;
  readonly acknowledged: number;
  readonly rejected: number;
}

/** A client without retries: a benchmark fails when something fails. */
export function createApiClient(base: string): ApiClient {
  async function ask(method: string, path: string, body?: object): Promise<Response> {
    const answer = await fetch(`${base}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async function write(method: string, path: string, body?: object): Promise<Written> {
    const answer = await ask(method, path, body);
    const { warnings = [] } = (await answer.json()) as { warnings?: readonly string[] };
    return { changeId: Number(answer.headers.get("skein-change-id")), warnings };
  }

  return {
    get: async (path) => (await ask("GET", path)).json(),
    put: (path, document) => write("PUT", path, document),
    delete: (path) => write("DELETE", path),
    dataplaneToken: async (mesh, name) =>
      (await ask("POST", "/tokens/dataplane", { mesh, name, validFor: "24h" })).text(),
    async settled(changeId) {
      const status = (await (await ask("GET", `/_changes/${changeId}?wait=60s&size=1`)).json()) as {
        state: string;
        proxies: ChangeCounts;
      };
      if (status.state !== "settled")
        throw new Error(`change ${changeId} is not settled: ${JSON.stringify(status)}`);
      return status.proxies;
    },
  };
}
