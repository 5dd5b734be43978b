import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from "@skein/envoy-api/envoy/service/ratelimit/v3/rls_pb";
import type { Counters } from "./counters.ts";
import { decide } from "./decide.ts";
import { CallError, STATUS, serveUnary } from "./unary.ts";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

export interface RateLimitServerOptions {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly counters: Counters;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Hears of questions that could not be answered. */
  readonly onError: (error: unknown) => void;
}

export interface RateLimitServer {
  readonly port: number;
  /** Takes no more connections and ends the open ones. */
  close(): Promise<void>;
}

/**
 * Serves Envoy's rate limit protocol (`envoy.service.ratelimit.v3`) over HTTP/2 without TLS.
 *
 * @throws Error where the port cannot be had.
 */
export async function startRateLimitServer(options: RateLimitServerOptions): Promise<RateLimitServer> {
  const { counters, now, onError } = options;
  const shouldRateLimit = async (message: Uint8Array): Promise<Uint8Array> => {
    const request = read(message);
    try {
      return toBinary(RateLimitResponseSchema, await decide(request, counters, now()));
    } catch (error) {
      onError(error);
      throw new CallError(STATUS.unavailable, "the counts cannot be reached", error);
    }
  };
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => stream.destroy());
    void serveUnary(stream, headers, { [METHOD]: shouldRateLimit });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.address, port: options.port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.close();
      }),
  };
}

function read(message: Uint8Array) {
  try {
    return fromBinary(RateLimitRequestSchema, message);
  } catch (error) {
    throw new CallError(STATUS.invalidArgument, "not a RateLimitRequest", error);
  }
}
