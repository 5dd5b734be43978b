/** One answer of the HTTP API, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly ms: number;
}

/** A request besides its method and path. */
export interface Ask {
  /** Sent as it is when it is text or bytes, else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A plain client of a control plane: never throws for a status, never repeats. */
export interface Api {
  ask(method: string, path: string, options?: Ask): Promise<Answer>;
  get(path: string): Promise<unknown>;
  /** Every item of a list, however many pages it takes. */
  list(path: string): Promise<readonly unknown[]>;
  /** PUT of a document. @throws Error with the answer's text unless it succeeded */
  put(path: string, document: object): Promise<number>;
  /** @throws Error unless it succeeded */
  delete(path: string): Promise<number>;
  dataplaneToken(claims: Readonly<Record<string, unknown>>): Promise<string>;
  /** Resolves when a change has been answered by everybody it concerns. @throws Error after a minute */
  settled(changeId: number): Promise<Readonly<Record<string, number>>>;
}

/** A client of the API at `base`. */
export function createApi(base: string): Api {
  const ask: Api["ask"] = async (method, path, options = {}) => {
    const { body } = options;
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    const begin = performance.now();
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...options.headers },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, ms: performance.now() - begin };
  };
  const succeed = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await ask(method, path, body === undefined ? {} : { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  };
  const changeId = ({ headers }: Answer): number => Number(headers.get("skein-change-id"));
  const get = async (path: string): Promise<unknown> => JSON.parse((await succeed("GET", path)).text);
  return {
    ask,
    get,
    async list(path) {
      const items: unknown[] = [];
      let next: unknown = `${path}?size=1000`;
      while (typeof next === "string") {
        const { pathname, search } = new URL(next, base);
        const page = await get(`${pathname}${search}`);
        items.push(...listAt(page, "items"));
        next = at(page, "next");
      }
      return items;
    },
    put: async (path, document) => changeId(await succeed("PUT", path, document)),
    delete: async (path) => changeId(await succeed("DELETE", path)),
    dataplaneToken: async (claims) =>
      (await succeed("POST", "/tokens/dataplane", { validFor: "1h", ...claims })).text.trim(),
    async settled(id) {
      const status: unknown = JSON.parse((await succeed("GET", `/_changes/${id}?wait=60s&size=1`)).text);
      const { state, proxies } = status as { state: string; proxies: Record<string, number> };
      if (state !== "settled") throw new Error(`change ${id} is not settled: ${JSON.stringify(status)}`);
      return proxies;
    },
  };
}

/** The value at a path of keys and indexes, `undefined` where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );
}

/** The list at a path; empty where there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const list = at(value, ...path);
  return Array.isArray(list) ? list : [];
}
