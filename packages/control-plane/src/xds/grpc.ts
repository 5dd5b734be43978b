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
  /** Of all headers the one that matters for as long as the stream. */
  readonly authorization: string | undefined;
  /** The peer's address, for logs. */
  readonly peer: string;
  /** False while the peer does not read: writing goes on only after `drained`. */
  readonly writable: boolean;
  /** Bytes accepted by `write` and not yet handed to the socket. */
  readonly queued: number;
  /** Writes one message that already has its gRPC prefix. Ignored after the end. */
  write(framed: Buffer): void;
  /** What is written meanwhile goes out in one piece, which costs the peer and us one record of TLS and one system call. */
  together(write: () => void): void;
  /** What is written from here to `uncork` goes out in one piece: one record of TLS, one system call. */
  cork(): void;
  uncork(): void;
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
  /** The bytes are only there during the call. */
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
   * serves HTTP/1.1. Listeners for `stream` and `request` that are there already see gRPC no more, which saves Node's
   * request and response objects on each of thousands of long streams; so add them first.
   */
  attach(server: Http2SecureServer | Http2Server): void;
  /**
   * Sends GOAWAY on every session, ends every call with UNAVAILABLE and resolves when all sessions are gone, at the
   * latest after `graceMs`.
   */
  close(graceMs: number): Promise<void>;
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
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
    const call = new StreamCall(stream, headers.authorization, path);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    const started = guarded(() => handler(call), "handler");
    if (!started.ok) {
      call.end("internal", "the control plane failed to start this stream; its log has the reason");
      return;
    }
    const receiver = started.value;
    calls.add(call);
    stream.on("data", (chunk: Buffer) => {
      if (call.isOver) return;
      const { messages, error } = deframer.push(chunk);
      for (const message of messages) {
        if (call.isOver) return;
        if (!guarded(() => receiver.message(message), "message").ok) {
          call.end("internal", "the control plane failed on this request; its log has the reason");
        }
      }
      if (error !== undefined) call.end(error.status, error.message);
    });
    stream.on("drain", () => {
      if (!call.isOver) guarded(() => receiver.drained(), "drain");
    });
    stream.on("end", () => {
      if (call.isOver) return;
      if (deframer.partial) call.end("internal", "the request stream ended inside a message");
      else guarded(() => receiver.ended(), "end");
    });
    stream.once("close", () => {
      call.isOver = true;
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
      const others = server.listeners("stream");
      server.removeAllListeners("stream");
      server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => {
        if (isGrpc(headers)) onStream(stream, headers);
        else for (const other of others) other.call(server, stream, headers, ...rest);
      });
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

/** A class for its accessors: those of an object literal take most of a kilobyte per stream. */
class StreamCall implements GrpcCall {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly peer: string;
  isOver = false;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, authorization: string | undefined, path: string) {
    const socket = stream.session?.socket;
    this.path = path;
    this.authorization = authorization;
    this.peer = `${socket?.remoteAddress ?? "?"}:${socket?.remotePort ?? "?"}`;
    this.#stream = stream;
  }

  get writable(): boolean {
    return !this.isOver && !this.#stream.writableNeedDrain;
  }

  get queued(): number {
    return this.#stream.writableLength;
  }

  write(framed: Buffer): void {
    if (!this.isOver) this.#stream.write(framed);
  }

  together(write: () => void): void {
    this.#stream.cork();
    try {
      write();
    } finally {
      this.#stream.uncork();
    }
  }

  cork(): void {
    this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(status: GrpcStatus, message: string): void {
    if (this.isOver) return;
    this.isOver = true;
    finish(this.#stream, status, message);
  }

  destroy(): void {
    this.isOver = true;
    this.#stream.session?.destroy();
  }
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
