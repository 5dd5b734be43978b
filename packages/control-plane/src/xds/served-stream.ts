import { type ConfigSink, type Fleet, type NodeInfo, type StreamEvents, StreamRefused } from "./fleet.ts";
import type { ProxyConfig } from "./fragment.ts";
import type { GrpcCall, GrpcReceiver } from "./grpc.ts";
import type { GrpcStatus } from "./grpc-status.ts";
import type { Limiter } from "./limiter.ts";
import type { XdsLog } from "./log.ts";
import type { Memories } from "./memories.ts";
import { nodeInfo } from "./node-info.ts";
import type { Outgoing, ProtocolEvents, XdsStream } from "./outgoing.ts";
import type { ProxyMemory } from "./proxy-memory.ts";
import type { RequestNode } from "./request.ts";
import { MalformedMessage } from "./wire.ts";

/** One ADS stream of the server. */
export interface ServedStream extends GrpcReceiver {
  /** Sends what the proxy should be sent, as far as the connection takes it. */
  pump(): void;
  /** Ends the stream when its proxy has been silent or has not read for too long; times in milliseconds. */
  check(now: number, stallMs: number, firstRequestMs: number): void;
}

/** What the streams of one server share. */
export interface ServedStreamContext {
  readonly fleet: Fleet;
  readonly log: XdsLog;
  readonly now: () => number;
  readonly connecting: Limiter;
  readonly memories: Memories;
  /** The stream has something to send. */
  changed(stream: ServedStream): void;
  opened(stream: ServedStream): void;
  closed(stream: ServedStream): void;
}

/** What distinguishes delta from state-of-the-world. */
export interface Dialect<Request> {
  readonly protocol: "delta" | "sotw";
  decode(bytes: Uint8Array): Request;
  /** Whether a first request says that its sender holds something already. */
  reconnects(request: Request): boolean;
  create(options: { readonly events: ProtocolEvents; readonly memory: ProxyMemory }): XdsStream<Request>;
  encode(outgoing: Outgoing): Buffer;
}

/** Requests that may wait for `fleet.connect`: those that came in one piece with the first. */
const MAX_EARLY_REQUESTS = 64;
/** A peer that does not take the end of its stream within this time is disconnected. */
const ENDING_MS = 5_000;

/** Serves one ADS call from its first request to its end. */
export function createServedStream<Request extends { readonly node: RequestNode | undefined }>(
  context: ServedStreamContext,
  call: GrpcCall,
  dialect: Dialect<Request>,
): ServedStream {
  const { fleet, log, now, memories } = context;
  const openedAt = now();
  const early: Request[] = [];
  let proxy: string | undefined;
  let memoryKey: string | undefined;
  let events: StreamEvents | undefined;
  let machine: XdsStream<Request> | undefined;
  let latest: { readonly config: ProxyConfig; readonly revision: number } | undefined;
  let blockedSince: number | undefined;
  let endedAt: number | undefined;

  function over(): boolean {
    return endedAt !== undefined;
  }

  function finish(): void {
    if (endedAt !== undefined) return;
    endedAt = now();
    latest = undefined;
    if (events !== undefined) closeEvents(events);
  }

  function closeEvents(of: StreamEvents): void {
    try {
      of.closed();
    } catch (error) {
      log.error({ err: error, proxy }, "recording the end of a stream failed");
    }
  }

  function end(status: GrpcStatus, message: string): void {
    if (over()) return;
    finish();
    if (status !== "ok") log.warn({ proxy, peer: call.peer, status }, `xDS stream ended: ${message}`);
    call.end(status, message);
  }

  const sink: ConfigSink = {
    set(config, revision) {
      if (over()) return;
      latest = { config, revision };
      if (machine !== undefined) context.changed(stream);
    },
    close: (reason) => end(reason.code, reason.message),
  };

  async function connect(info: NodeInfo, key: string): Promise<void> {
    try {
      events = await context.connecting(() => fleet.connect(info, sink), over);
    } catch (error) {
      if (error instanceof StreamRefused) {
        end(error.code, error.message);
        return;
      }
      log.error({ err: error, proxy: info.id }, "connecting a proxy failed");
      end("unavailable", "the control plane could not register this proxy; its log has the reason");
      return;
    }
    if (events === undefined) return;
    if (over()) {
      closeEvents(events);
      return;
    }
    memoryKey = key;
    machine = dialect.create({ events, memory: memories.acquire(key) });
    for (const request of early.splice(0)) if (!over()) take(request);
    context.changed(stream);
    call.resume();
  }

  function open(request: Request): void {
    const { node: sender } = request;
    if (sender === undefined) {
      end("invalid-argument", "the first request of an ADS stream must carry the node");
      return;
    }
    const known = nodeInfo(sender, call);
    if (known === undefined) {
      end("invalid-argument", `node.id ${JSON.stringify(sender.id)} is not of the form <mesh>.<name>`);
      return;
    }
    const reconnects = dialect.reconnects(request);
    const info: NodeInfo = { ...known, protocol: dialect.protocol, reconnects };
    proxy = info.id;
    early.push(request);
    call.pause();
    connect(info, `${info.id}\0${envoyVersion(info.metadata)}`).catch((error: unknown) => {
      log.error({ err: error, proxy: info.id }, "an xDS stream failed");
      end("unavailable", "the control plane failed on this stream; its log has the reason");
    });
  }

  function take(request: Request): void {
    if (request.node !== undefined && request.node.id !== "" && request.node.id !== proxy) {
      end("invalid-argument", `node.id changed from ${proxy} to ${request.node.id} within one stream`);
      return;
    }
    if (machine === undefined) {
      early.push(request);
      if (early.length > MAX_EARLY_REQUESTS) {
        end("resource-exhausted", "too many requests before the stream was accepted");
      }
      return;
    }
    try {
      machine.request(request);
    } catch (error) {
      if (!(error instanceof StreamRefused)) throw error;
      end(error.code, error.message);
      return;
    }
    stream.pump();
  }

  function write(from: XdsStream<Request>): void {
    while (call.writable) {
      const outgoing = from.next();
      if (outgoing === undefined) {
        blockedSince = undefined;
        return;
      }
      call.write(dialect.encode(outgoing));
    }
    if (!over()) blockedSince ??= now();
  }

  const stream: ServedStream = {
    message(bytes) {
      if (over()) return;
      let request: Request;
      try {
        request = dialect.decode(bytes);
      } catch (error) {
        if (!(error instanceof MalformedMessage)) throw error;
        end("invalid-argument", `not a discovery request: ${error.message}`);
        return;
      }
      if (proxy === undefined) open(request);
      else take(request);
    },
    pump() {
      if (over() || machine === undefined) return;
      if (latest !== undefined) {
        machine.set(latest.config, latest.revision);
        latest = undefined;
      }
      call.cork();
      try {
        write(machine);
      } finally {
        call.uncork();
      }
    },
    drained() {
      blockedSince = undefined;
      stream.pump();
    },
    ended: () => end("ok", ""),
    check(time, stallMs, firstRequestMs) {
      if (endedAt !== undefined) {
        if (time - endedAt > ENDING_MS) call.destroy();
      } else if (proxy === undefined && time - openedAt > firstRequestMs) {
        end("deadline-exceeded", "no request came on this stream");
      } else if (blockedSince !== undefined && time - blockedSince > stallMs) {
        log.warn({ proxy, peer: call.peer }, "disconnected a proxy that does not read its configuration");
        finish();
        call.destroy();
      }
    },
    closed() {
      finish();
      context.closed(stream);
      if (memoryKey !== undefined) memories.release(memoryKey);
    },
  };
  context.opened(stream);
  return stream;
}

/** A rejected resource may be fine for another Envoy: what was rejected is remembered per version. */
function envoyVersion(metadata: Readonly<Record<string, unknown>>): string {
  const version = metadata.version;
  if (typeof version !== "object" || version === null || !("envoy" in version)) return "";
  return JSON.stringify(version.envoy) ?? "";
}
