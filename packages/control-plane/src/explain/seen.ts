import { durationFromMs } from "@skein/model";
import type { Protocol } from "@skein/policies";
import type { Answer, ExplainedVerdict, Limits } from "./explanation.ts";

const BYTES: Readonly<Record<ExplainedVerdict, string>> = {
  allowed: "a connection to the application",
  denied: "a connection that is closed as soon as it is used",
  "plaintext-refused": "a connection that is closed at once",
  "tls-failed": "a connection that is closed at once",
  "no-outbound": "nothing: no port leads there",
  "no-route": "a connection that is closed at once",
  "no-endpoints": "a connection that is closed at once",
  redirected: "a redirect",
  "no-backend": "a connection that is closed at once",
  aborted: "the status that the fault sets",
  differs: "not always the same",
};

const REQUESTS: Readonly<Record<ExplainedVerdict, string>> = {
  ...BYTES,
  allowed: "the application's answer",
  denied: "403, RBAC: access denied",
  "plaintext-refused": "503, the connection is refused",
  "tls-failed": "503, the connection fails",
  "no-route": "404",
  "no-endpoints": "503, no healthy upstream",
  "no-backend": "503, no backend of the route can be served",
};

/** What the application of the caller gets to see. */
export function seenBy(
  verdict: ExplainedVerdict,
  protocol: Protocol,
  limits: Limits,
  answer?: Answer,
): string {
  if (protocol === "tcp") return BYTES[verdict];
  if (answer?.location !== undefined) return `${answer.status} with location ${answer.location}`;
  const text = REQUESTS[verdict];
  if (verdict !== "allowed" || limits.requestMs === undefined) return text;
  return `${text}, or 504 after ${durationFromMs(limits.requestMs)}`;
}
