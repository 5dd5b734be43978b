import { createServer, type Http2Server } from "node:http2";
import { create, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import {
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from "@skein/envoy-api/envoy/service/auth/v3/external_auth_pb";
import { CallError, serveUnary } from "@skein/rate-limit/unary";

const CHECK = "/envoy.service.auth.v3.Authorization/Check";
const OK = 0;
const PERMISSION_DENIED = 7;
const INTERNAL = 13;

/** What a rule says of a request; `undefined` where it says nothing, which is a failure. */
export type Decide = (input: unknown) => Promise<unknown>;

/** Answers Envoy's external authorization filter as the Envoy plugin of OPA does. */
export function extAuthzServer(decide: Decide): Http2Server {
  const check = async (message: Uint8Array): Promise<Uint8Array> => {
    const request = fromBinary(CheckRequestSchema, message);
    const decision = await decide(toJson(CheckRequestSchema, request));
    if (typeof decision !== "boolean") throw new CallError(INTERNAL, "the decision is undefined");
    return toBinary(CheckResponseSchema, response(decision));
  };
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    void serveUnary(stream, headers, { [CHECK]: check });
  });
  return server;
}

function response(allowed: boolean): CheckResponse {
  return create(CheckResponseSchema, {
    status: { code: allowed ? OK : PERMISSION_DENIED },
    httpResponse: allowed ? { case: "okResponse", value: {} } : { case: "deniedResponse", value: {} },
  });
}
