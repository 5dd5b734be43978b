import { randomBytes, randomUUID } from "node:crypto";
import { coreKinds, createRegistry } from "@skein/model";
import { policyKinds } from "@skein/policies";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { type MeshDefaultsEnvironment, onMeshWritten } from "../../defaults/mesh-defaults.ts";
import { failure, success } from "../../identity/outcome.ts";
import { createSecretsCipher, type SecretsCipher } from "../../identity/secrets-cipher.ts";
import { openMemoryStore } from "../../store/memory.ts";
import type { Store, Write } from "../../store/store.ts";
import { defaultAccess } from "../../tokens/access.ts";
import { authenticate } from "../../tokens/authn.ts";
import type { TokenIssuer } from "../../tokens/issue.ts";
import { createSigningKeys } from "../../tokens/signing-keys.ts";
import type { ApiDeps, ApiSettings } from "../deps.ts";
import { createApi } from "../server.ts";

/** 2026-11-23T10:00:00Z. */
export const NOON = Date.UTC(2026, 10, 23, 10);

const settings: ApiSettings = {
  mode: "zone",
  zone: "zone-1",
  environment: "universal",
  federated: false,
  readOnly: false,
  basePath: "/",
  corsAllowedDomains: [],
  guiEnabled: true,
  unsafeDelete: false,
  probes: true,
  product: "Kuma",
  version: "2.14.3",
  hostname: "host",
  instanceId: "host-1a2b",
  clusterId: "cluster",
  dnsDomain: "mesh",
  serviceVipPort: 80,
};

export interface World {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly deps: ApiDeps;
  readonly tokens: TokenIssuer;
  readonly meshDefaults: MeshDefaultsEnvironment;
  /** Sends a request from this machine, so as its admin. A body is sent as JSON, or as it is where it is text. */
  call(method: Method, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The same from elsewhere, so as nobody. */
  callFromAfar(
    method: Method,
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

export type Method = "GET" | "PUT" | "POST" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Record<string, unknown>;
  /** The body as JSON: of every shape, so untyped. */
  readonly json: ReturnType<typeof JSON.parse>;
}

export interface WorldOptions {
  readonly settings?: Partial<ApiSettings>;
  readonly deps?: Partial<ApiDeps>;
  readonly encryptionKey?: boolean;
  readonly store?: Store;
}

/** An API over a memory store, with a live pipeline that knows of nothing. Not listening: requests are injected. */
export function createWorld(options: WorldOptions = {}): World {
  const store = options.store ?? openMemoryStore({ now: () => NOON });
  const registry = createRegistry([...coreKinds, ...policyKinds]);
  const cipher: SecretsCipher = createSecretsCipher(
    options.encryptionKey ? [{ id: "k1", key: randomBytes(32) }] : [],
    randomBytes,
  );
  const tokens: TokenIssuer = {
    keys: createSigningKeys({ store, cipher }),
    now: () => NOON,
    uuid: randomUUID,
  };
  const allSettings = { ...settings, ...options.settings };
  const meshDefaults: MeshDefaultsEnvironment = {
    store,
    registry,
    cipher,
    context: allSettings,
    skipTenantResources: false,
    now: () => NOON,
    random: randomBytes,
  };
  const deps: ApiDeps = {
    store,
    registry,
    settings: allSettings,
    maskedConfig: () => ({ mode: "zone", password: "*****" }),
    authenticate: (request) =>
      authenticate(request, { localhostIsAdmin: true, type: "tokens" }, async (token) =>
        token === "john"
          ? success({ Name: "john", Groups: ["g1"] })
          : failure({ code: "malformed", message: "not a token" }),
      ),
    access: defaultAccess,
    tokens,
    cipher,
    changes: { status: () => undefined, settled: async () => undefined },
    proxies: { list: () => [] },
    plans: {
      plan: () => undefined,
      access: () => [],
      config: () => undefined,
      analyze: async () => [],
      explain: () => ({
        ok: false,
        error: { kind: "unknown", field: "source", message: "there is nobody", suggestions: [] },
      }),
      xds: async () => undefined,
      selectedBy: () => [],
      warnings: () => [],
      deleteWarnings: () => [],
    },
    previews: {
      preview: async () => {
        throw new Error("nothing to preview with");
      },
      shadow: async () => undefined,
    },
    envoyAdmin: {
      stats: async () => ({ kind: "unreachable", message: "no proxy" }),
      clusters: async () => ({ kind: "unreachable", message: "no proxy" }),
      configDump: async () => ({ kind: "unreachable", message: "no proxy" }),
    },
    warned: () => undefined,
    onMeshWritten: (mesh, before) => onMeshWritten(meshDefaults, mesh, before),
    now: () => NOON,
    log: { error: () => undefined },
    ...options.deps,
  };
  const app = createApi(deps);
  const inject = async (
    method: Method,
    url: string,
    body: unknown,
    headers: Record<string, string>,
    remoteAddress: string,
  ) => {
    const payload =
      body === undefined ? {} : { payload: typeof body === "string" ? body : JSON.stringify(body) };
    const type = body === undefined ? {} : { "content-type": "application/json" };
    return answerOf(
      await app.inject({
        method,
        url,
        remoteAddress,
        headers: { host: "localhost:5681", ...type, ...headers },
        ...payload,
      }),
    );
  };
  return {
    app,
    store,
    deps,
    tokens,
    meshDefaults,
    call: (method, url, body, headers = {}) => inject(method, url, body, headers, "127.0.0.1"),
    callFromAfar: (method, url, body, headers = {}) => inject(method, url, body, headers, "192.0.2.7"),
  };
}

/** Puts resources into a store as they are, without the API. */
export async function seed(
  store: Store,
  ...resources: readonly {
    readonly type: string;
    readonly mesh?: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly spec?: unknown;
    readonly status?: unknown;
  }[]
): Promise<void> {
  const writes = resources.map(
    ({ mesh = "", labels = {}, spec = {}, ...rest }): Write => ({
      op: "put",
      resource: {
        ...rest,
        mesh,
        labels,
        spec,
        ...(mesh === "" ? {} : { owner: { type: "Mesh", mesh: "", name: mesh } }),
      },
    }),
  );
  await store.write(writes);
}

/** A Dataplane that passes every check. */
export function dataplane(name: string, mesh = "default", tags: Record<string, string> = {}) {
  return {
    type: "Dataplane",
    mesh,
    name,
    networking: {
      address: "127.0.0.1",
      inbound: [{ port: 8080, tags: { "kuma.io/service": "web", ...tags } }],
    },
  };
}

/** A MeshTimeout that passes every check. */
export function meshTimeout(name: string, mesh = "default", idleTimeout = "20s") {
  return {
    type: "MeshTimeout",
    mesh,
    name,
    spec: { targetRef: { kind: "Mesh" }, to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout } }] },
  };
}

function answerOf(response: LightMyRequestResponse): Answer {
  return {
    status: response.statusCode,
    text: response.body,
    headers: response.headers,
    get json() {
      return JSON.parse(response.body);
    },
  };
}
