import type { Http2SecureServer, Http2Server } from "node:http2";
import { createDeltaStream } from "./delta-stream.ts";
import { encodeDeltaResponse, encodeSotwResponse } from "./encode.ts";
import type { Fleet } from "./fleet.ts";
import { createGrpcServer, type GrpcHandler } from "./grpc.ts";
import { createLimiter } from "./limiter.ts";
import type { XdsLog } from "./log.ts";
import { createMemories } from "./memories.ts";
import { createPending } from "./pending.ts";
import { decodeDeltaRequest, decodeSotwRequest } from "./request.ts";
import { createServedStream, type ServedStream } from "./served-stream.ts";
import { createSotwStream } from "./sotw-stream.ts";

/** Path of incremental ADS. */
export const DELTA_ADS_PATH =
  "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/** Path of state-of-the-world ADS. */
export const SOTW_ADS_PATH =
  "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/** Options of `createXdsServer`; sizes in bytes, times in milliseconds. */
export interface XdsServerOptions {
  readonly fleet: Fleet;
  readonly log: XdsLog;
  /** Instance id, sent as `control_plane.identifier`. */
  readonly instanceId?: string;
  /** Further gRPC methods on the same port (such as health discovery), by path. */
  readonly handlers?: ReadonlyMap<string, GrpcHandler>;
  readonly maxMessageBytes?: number;
  readonly maxStreamsPerSession?: number;
  readonly keepaliveMs?: number;
  /** A proxy that reads nothing for this long while something waits for it is disconnected. */
  readonly stallMs?: number;
  /** A stream whose first request has not come by then is ended. */
  readonly firstRequestMs?: number;
  /** `fleet.connect` calls at a time. */
  readonly maxConnecting?: number;
  /** Longest time that pushing keeps the event loop busy in one go. */
  readonly sliceMs?: number;
  /** Monotonic time in milliseconds. */
  readonly now?: () => number;
}

/** The xDS server. */
export interface XdsServer {
  /**
   * Takes over the gRPC streams of an HTTP/2 server, best after its `request` listener has been added; see
   * `GrpcServer.attach`.
   */
  attach(server: Http2SecureServer | Http2Server): void;
  /** Streams that are open, connected or not yet. */
  readonly streams: number;
  /** Ends every stream with UNAVAILABLE and resolves when all connections are gone, at the latest after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** An ADS server, delta and state-of-the-world, that gives each proxy what the fleet says it should hold. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const { fleet, log } = options;
  const now = options.now ?? (() => performance.now());
  const stallMs = options.stallMs ?? 60_000;
  const firstRequestMs = options.firstRequestMs ?? 30_000;
  const controlPlane = options.instanceId ?? "";
  const connecting = createLimiter(options.maxConnecting ?? 64);
  const streams = new Set<ServedStream>();
  const pending = createPending<ServedStream>({
    run: (stream) => stream.pump(),
    now,
    ...(options.sliceMs === undefined ? {} : { sliceMs: options.sliceMs }),
    onError: (error) => log.error({ err: error }, "pushing configuration failed"),
  });
  let timer: NodeJS.Timeout | undefined;

  const context = {
    fleet,
    log,
    now,
    connecting,
    memories: createMemories(),
    changed: (stream: ServedStream) => pending.add(stream),
    opened(stream: ServedStream) {
      streams.add(stream);
      timer ??= setInterval(sweep, Math.max(10, Math.min(1000, stallMs / 4))).unref();
    },
    closed(stream: ServedStream) {
      streams.delete(stream);
      pending.delete(stream);
      if (streams.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };

  function sweep(): void {
    const time = now();
    for (const stream of streams) stream.check(time, stallMs, firstRequestMs);
  }

  const delta: GrpcHandler = (call) =>
    createServedStream(context, call, {
      protocol: "delta",
      decode: decodeDeltaRequest,
      reconnects: ({ initialVersions }) => initialVersions.size > 0,
      create: createDeltaStream,
      encode: ({ typeUrl, nonce, resources, removed }) =>
        encodeDeltaResponse({ typeUrl, nonce, resources, removed, controlPlane }),
    });
  const sotw: GrpcHandler = (call) =>
    createServedStream(context, call, {
      protocol: "sotw",
      decode: decodeSotwRequest,
      reconnects: ({ versionInfo }) => versionInfo !== "",
      create: createSotwStream,
      encode: ({ typeUrl, nonce, resources, versionInfo }) =>
        encodeSotwResponse({ typeUrl, nonce, resources, versionInfo, controlPlane }),
    });

  const grpc = createGrpcServer({
    handlers: new Map([...(options.handlers ?? []), [DELTA_ADS_PATH, delta], [SOTW_ADS_PATH, sotw]]),
    onError: (error, where) => log.error({ err: error, where }, "an xDS stream failed"),
    ...(options.maxMessageBytes === undefined ? {} : { maxMessageBytes: options.maxMessageBytes }),
    ...(options.maxStreamsPerSession === undefined
      ? {}
      : { maxStreamsPerSession: options.maxStreamsPerSession }),
    ...(options.keepaliveMs === undefined ? {} : { keepaliveMs: options.keepaliveMs }),
  });

  return {
    attach: (server) => grpc.attach(server),
    get streams() {
      return streams.size;
    },
    async close(graceMs = 10_000) {
      await grpc.close(graceMs);
      clearInterval(timer);
    },
  };
}
