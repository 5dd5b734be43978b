import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import { constants } from "node:http2";
import { createDeframer } from "./grpc-framing.ts";
import { encodeGrpcMessage, GRPC_STATUS, type GrpcStatus } from "./grpc-status.ts";
import { createKeepalive } from "./keepalive.ts";

/** One bidirectional gRPC stream, as a handler sees it. */
export interface GrpcCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The peer's address, for logs. */
  readonly peer: string;
  /** False while the peer does not read: writing goes on only after `drained`. */
  readonly writable: boolean;
  /** Bytes accepted by `write` and not yet handed to the socket. */
  readonly queued: number;
  /** Writes one message that already has its gRPC prefix. Ignored after the end. */
  write(framed: Buffer): void;
  /** Stops reading messages until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the call with a status. Later calls are ignored. */
  end(status: GrpcStatus, message: string): void;
  /** Drops the connection under the call, for a peer that reads nothing any more. */
  destroy(): void;
}

/** What a handler does with what arrives on its call. */
export interface GrpcReceiver {
  message(bytes: Buffer): void;
  /** The peer reads again after `writable` was false. */
  drained(): void;
  /** The peer finished its side. */
  ended(): void;
  /** Once, when the call is over for any reason. */
  closed(): void;
}

/** Starts handling a call. */
export type GrpcHandler = (call: GrpcCall) => GrpcReceiver;

/** Options of `createGrpcServer`; sizes in bytes, times in milliseconds. */
export interface GrpcServerOptions {
  readonly handlers: ReadonlyMap<string, GrpcHandler>;
  /** Largest message accepted from a client. */
  readonly maxMessageBytes?: number;
  readonly maxStreamsPerSession?: number;
  /** A session silent for this long is pinged, and dropped when it is silent for as long again. */
  readonly keepaliveMs?: number;
  /** A handler or the transport failed in a way that is not the peer's fault. */
  readonly onError?: (error: unknown, context: string) => void;
}

/** gRPC on an HTTP/2 server that serves other things too. */
export interface GrpcServer {
  /**
   * Takes over the gRPC streams of `server`. Requests of any other content type are left alone, so that the same port
   * serves HTTP/1.1; a `request` listener on it must skip those for which `isGrpc(headers)` holds.
   */
  attach(server: Http2SecureServer | Http2Server): void;
  /**
   * Sends GOAWAY on every session, ends every call with UNAVAILABLE and resolves when all sessions are gone, at the
   * latest after `graceMs`.
   */
  close(graceMs: number): Promise<void>;
}

/** Whether a request is gRPC, by its content type. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return type !== undefined && /^application\/grpc(?:$|[+;])/.test(type);
}

/** A gRPC server; see `GrpcServer` for what it takes over of an HTTP/2 server. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const maxMessageBytes = options.maxMessageBytes ?? 4 * 1024 * 1024;
  const maxStreams = options.maxStreamsPerSession ?? 32;
  const onError = options.onError ?? (() => {});
  const keepalive = createKeepalive({ intervalMs: options.keepaliveMs ?? 15_000 });
  const sessions = new Map<ServerHttp2Session, Set<GrpcCall>>();
  let closing = false;

  function onSession(session: ServerHttp2Session): void {
    sessions.set(session, new Set());
    session.on("error", () => {});
    session.once("close", () => {
      sessions.delete(session);
      keepalive.remove(session);
    });
    keepalive.add(session);
    session.settings({ maxConcurrentStreams: maxStreams });
    if (closing) session.close();
  }

  function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (!isGrpc(headers)) return;
    stream.on("error", () => {});
    const session = stream.session as ServerHttp2Session | undefined;
    const calls = session === undefined ? undefined : sessions.get(session);
    if (calls === undefined || stream.destroyed) {
      stream.close(constants.NGHTTP2_CANCEL);
      return;
    }
    const path = headers[":path"] ?? "";
    const handler = options.handlers.get(path);
    if (closing) refuse(stream, "unavailable", "this control plane is stopping: connect to another one");
    else if (headers[":method"] !== "POST") refuse(stream, "unimplemented", "gRPC calls are POST requests");
    else if (handler === undefined) refuse(stream, "unimplemented", `no method ${path} here`);
    else if (calls.size >= maxStreams) {
      refuse(stream, "resource-exhausted", `at most ${maxStreams} streams on one connection`);
    } else startCall(stream, headers, path, handler, calls);
  }

  function startCall(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    path: string,
    handler: GrpcHandler,
    calls: Set<GrpcCall>,
  ): void {
    const deframer = createDeframer(maxMessageBytes);
    let over = false;
    const socket = stream.session?.socket;
    const call: GrpcCall = {
      path,
      headers,
      peer: `${socket?.remoteAddress ?? "?"}:${socket?.remotePort ?? "?"}`,
      get writable() {
        return !over && !stream.writableNeedDrain;
      },
      get queued() {
        return stream.writableLength;
      },
      write(framed) {
        if (!over) stream.write(framed);
      },
      pause: () => void stream.pause(),
      resume: () => void stream.resume(),
      end(status, message) {
        if (over) return;
        over = true;
        finish(stream, status, message);
      },
      destroy() {
        over = true;
        stream.session?.destroy();
      },
    };
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    const started = guarded(() => handler(call), "handler");
    if (!started.ok) {
      call.end("internal", "the control plane failed to start this stream; its log has the reason");
      return;
    }
    const receiver = started.value;
    calls.add(call);
    stream.on("data", (chunk: Buffer) => {
      if (over) return;
      const { messages, error } = deframer.push(chunk);
      for (const message of messages) {
        if (over) return;
        if (!guarded(() => receiver.message(message), "message").ok) {
          call.end("internal", "the control plane failed on this request; its log has the reason");
        }
      }
      if (error !== undefined) call.end(error.status, error.message);
    });
    stream.on("drain", () => {
      if (!over) guarded(() => receiver.drained(), "drain");
    });
    stream.on("end", () => {
      if (over) return;
      if (deframer.partial) call.end("internal", "the request stream ended inside a message");
      else guarded(() => receiver.ended(), "end");
    });
    stream.once("close", () => {
      over = true;
      calls.delete(call);
      guarded(() => receiver.closed(), "close");
    });
  }

  function guarded<T>(action: () => T, context: string): { ok: true; value: T } | { ok: false } {
    try {
      return { ok: true, value: action() };
    } catch (error) {
      onError(error, context);
      return { ok: false };
    }
  }

  return {
    attach(server) {
      server.on("session", onSession);
      server.on("stream", onStream);
    },
    async close(graceMs) {
      closing = true;
      const open = [...sessions.keys()].filter((session) => !session.destroyed);
      const gone = open.map(
        (session) => new Promise<void>((resolve) => session.once("close", () => resolve())),
      );
      for (const session of open) {
        session.close();
        for (const call of sessions.get(session) ?? []) {
          call.end("unavailable", "this control plane is stopping: connect to another one");
        }
      }
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.all(gone), late]);
      clearTimeout(timer);
      for (const session of open) if (!session.destroyed) session.destroy();
      keepalive.stop();
    },
  };
}

function refuse(stream: ServerHttp2Stream, status: GrpcStatus, message: string): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", ...trailers(status, message) },
    { endStream: true },
  );
  stream.close(constants.NGHTTP2_NO_ERROR);
}

/**
 * Ends a response with trailers, then resets what the peer still sends: its side may stay open forever otherwise. A reset
 * in the same turn would overtake the trailers. A `request` listener on the server has Node add its own, empty trailers to
 * every stream, which must not win.
 */
function finish(stream: ServerHttp2Stream, status: GrpcStatus, message: string): void {
  if (stream.destroyed) return;
  stream.removeAllListeners("wantTrailers");
  stream.once("wantTrailers", () => {
    if (stream.destroyed) return;
    stream.sendTrailers(trailers(status, message));
    setImmediate(() => {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  });
  stream.end();
  stream.resume();
}

function trailers(status: GrpcStatus, message: string): Record<string, string> {
  return { "grpc-status": String(GRPC_STATUS[status]), "grpc-message": encodeGrpcMessage(message) };
}
