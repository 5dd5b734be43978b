import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { SecureContext } from "node:tls";
import { createDeframer } from "@skein/control-plane/xds/grpc-framing";
import { TYPE_URL } from "@skein/envoy-api";
import { encodeRequest, type ReceivedResponse, type RequestParts, readResponse } from "./messages.ts";
import { clusterReferences, listenerReferences, type References } from "./references.ts";

/** One acknowledged response. */
export interface AckRecord {
  readonly proxy: number;
  readonly type: "cluster" | "endpoint" | "listener" | "route" | "secret";
  readonly names: readonly string[];
  readonly removed: readonly string[];
  readonly bytes: number;
  /** `performance.timeOrigin`-based time in milliseconds at which the ACK was written. */
  readonly at: number;
}

/** Counters of one simulated proxy. */
export interface ProxyCounts {
  responses: number;
  acks: number;
  resources: number;
  bytes: number;
  reconnects: number;
}

/** What a simulated proxy is told at its start. */
export interface SimulatedProxyOptions {
  readonly index: number;
  readonly url: string;
  readonly context: SecureContext;
  /** Encoded node of the first request. */
  readonly node: Uint8Array;
  readonly token: string;
  readonly onAck?: (ack: AckRecord) => void;
  readonly onClose?: (proxy: number, reason: string) => void;
  /** References by resource version, shared between proxies, since most of them hold the same resources. */
  readonly references: Map<string, References>;
}

/** A simulated Envoy with one connection. */
export interface SimulatedProxy {
  readonly index: number;
  readonly counts: ProxyCounts;
  /** Whether it has been given listeners once. */
  readonly ready: boolean;
  readonly connected: boolean;
  /** Versions that it holds, by resource name. */
  readonly held: Readonly<Record<AckRecord["type"], ReadonlyMap<string, string>>>;
  /** Resources that something which it holds refers to, and which it was not given yet. */
  readonly awaited: number;
  /** Connects; once it holds something it says so, as a reconnecting Envoy does. */
  connect(): Promise<void>;
  /** Stops or goes on reading. */
  pause(): void;
  resume(): void;
  close(): void;
}

const TYPES: ReadonlyMap<string, AckRecord["type"]> = new Map([
  [TYPE_URL.cluster, "cluster"],
  [TYPE_URL.endpoint, "endpoint"],
  [TYPE_URL.listener, "listener"],
  [TYPE_URL.route, "route"],
  [TYPE_URL.secret, "secret"],
]);
const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/**
 * Behaves like Envoy 1.40 where that costs or delays anything: a CDS response is acknowledged only when the endpoints of
 * its EDS clusters have come, listeners are asked for after the first clusters, routes
 * and secrets when something refers to them.
 */
export function createSimulatedProxy(options: SimulatedProxyOptions): SimulatedProxy {
  const counts: ProxyCounts = { responses: 0, acks: 0, resources: 0, bytes: 0, reconnects: -1 };
  const held = {
    cluster: new Map<string, string>(),
    endpoint: new Map<string, string>(),
    listener: new Map<string, string>(),
    route: new Map<string, string>(),
    secret: new Map<string, string>(),
  };
  const used = { cluster: new Map<string, References>(), listener: new Map<string, References>() };
  const asked = { endpoint: new Set<string>(), route: new Set<string>(), secret: new Set<string>() };
  const warming = new Set<string>();
  let withheld:
    | { readonly nonce: string; readonly response: ReceivedResponse; readonly bytes: number }
    | undefined;
  let listenersAsked = false;
  let ready = false;
  let session: ClientHttp2Session | undefined;
  let stream: ClientHttp2Stream | undefined;

  function send(parts: RequestParts): void {
    stream?.write(encodeRequest(parts));
  }

  function acknowledge(type: AckRecord["type"], response: ReceivedResponse, bytes: number): void {
    send({ typeUrl: response.typeUrl, nonce: response.nonce });
    counts.acks += 1;
    options.onAck?.({
      proxy: options.index,
      type,
      names: response.resources.map(({ name }) => name),
      removed: response.removed,
      bytes,
      at: performance.timeOrigin + performance.now(),
    });
  }

  function refer(type: "cluster" | "listener", response: ReceivedResponse): void {
    for (const resource of response.resources) {
      const key = `${resource.name}@${resource.version}`;
      let references = options.references.get(key);
      if (references === undefined) {
        references =
          type === "cluster"
            ? clusterReferences(resource.value(), resource.name)
            : listenerReferences(resource.value());
        options.references.set(key, references);
      }
      used[type].set(resource.name, references);
      if (type === "cluster" && references.endpoints !== undefined) warming.add(references.endpoints);
    }
    for (const name of response.removed) used[type].delete(name);
    updateNames();
  }

  function updateNames(): void {
    const endpoints = new Set<string>();
    const routes = new Set<string>();
    const secrets = new Set<string>();
    for (const references of [...used.cluster.values(), ...used.listener.values()]) {
      if (references.endpoints !== undefined) endpoints.add(references.endpoints);
      for (const route of references.routes) routes.add(route);
      for (const secret of references.secrets) secrets.add(secret);
    }
    for (const name of warming) if (!endpoints.has(name)) warming.delete(name);
    updateSubscription("endpoint", endpoints);
    updateSubscription("route", routes);
    updateSubscription("secret", secrets);
  }

  function updateSubscription(type: "endpoint" | "route" | "secret", wanted: ReadonlySet<string>): void {
    const subscribe = [...wanted].filter((name) => !asked[type].has(name));
    const unsubscribe = [...asked[type]].filter((name) => !wanted.has(name));
    for (const name of subscribe) asked[type].add(name);
    for (const name of unsubscribe) {
      asked[type].delete(name);
      held[type].delete(name);
    }
    if (subscribe.length + unsubscribe.length > 0) send({ typeUrl: TYPE_URL[type], subscribe, unsubscribe });
  }

  function release(): void {
    if (warming.size > 0) return;
    if (withheld !== undefined) {
      const { response, bytes } = withheld;
      withheld = undefined;
      acknowledge("cluster", response, bytes);
    }
    if (listenersAsked) return;
    listenersAsked = true;
    send({ typeUrl: TYPE_URL.listener });
  }

  function receive(bytes: Buffer): void {
    const response = readResponse(bytes);
    const type = TYPES.get(response.typeUrl);
    if (type === undefined) return;
    counts.responses += 1;
    counts.resources += response.resources.length;
    counts.bytes += bytes.length;
    for (const { name, version } of response.resources) held[type].set(name, version);
    for (const name of response.removed) held[type].delete(name);
    if (type === "cluster") {
      withheld = { nonce: response.nonce, response, bytes: bytes.length };
      refer("cluster", response);
      release();
      return;
    }
    if (type === "listener") {
      ready = true;
      refer("listener", response);
    }
    acknowledge(type, response, bytes.length);
    if (type !== "endpoint" || warming.size === 0) return;
    for (const { name } of response.resources) warming.delete(name);
    for (const name of response.removed) warming.delete(name);
    release();
  }

  function open(to: ClientHttp2Session): void {
    stream = to.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: options.token,
    });
    const deframer = createDeframer(64 * 1024 * 1024);
    let status = "";
    stream.on("data", (chunk: Buffer) => {
      for (const message of deframer.push(chunk).messages) receive(message);
    });
    const note = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] !== undefined)
        status = `${headers["grpc-status"]} ${headers["grpc-message"] ?? ""}`;
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", (error: Error) => {
      status ||= error.message;
    });
    const own = stream;
    stream.on("close", () => {
      if (stream === own) stream = undefined;
      to.close();
      options.onClose?.(options.index, status);
    });
    counts.reconnects += 1;
    withheld = undefined;
    send({ node: options.node, typeUrl: TYPE_URL.cluster, versions: held.cluster });
    if (asked.endpoint.size > 0) {
      send({ typeUrl: TYPE_URL.endpoint, subscribe: [...asked.endpoint], versions: held.endpoint });
    }
    if (listenersAsked) send({ typeUrl: TYPE_URL.listener, versions: held.listener });
    if (asked.route.size > 0)
      send({ typeUrl: TYPE_URL.route, subscribe: [...asked.route], versions: held.route });
    if (asked.secret.size > 0)
      send({ typeUrl: TYPE_URL.secret, subscribe: [...asked.secret], versions: held.secret });
  }

  return {
    index: options.index,
    counts,
    held,
    get ready() {
      return ready;
    },
    get connected() {
      return stream !== undefined;
    },
    get awaited() {
      let count = 0;
      for (const type of ["endpoint", "route", "secret"] as const)
        for (const name of asked[type]) if (!held[type].has(name)) count += 1;
      return count;
    },
    connect() {
      session?.destroy();
      return new Promise((resolve, reject) => {
        const made = connect(options.url, {
          secureContext: options.context,
          settings: { initialWindowSize: 1024 * 1024 },
        });
        session = made;
        made.once("error", reject);
        made.once("connect", () => {
          made.setLocalWindowSize(16 * 1024 * 1024);
          open(made);
          resolve();
        });
      });
    },
    pause: () => void stream?.pause(),
    resume: () => void stream?.resume(),
    close() {
      session?.destroy();
      session = undefined;
    },
  };
}
