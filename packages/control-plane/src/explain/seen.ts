import { durationFromMs } from "@skein/model";
import type { Protocol } from "@skein/policies";
import type { Answer, Ending, ExplainedVerdict, Limits } from "./explanation.ts";

const BYTES: Readonly<Record<ExplainedVerdict, string>> = {
  allowed: "a connection to the application",
  denied: "a connection that is closed, at the latest when it is used",
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

/** What is known of a request's end. */
export interface SeenInput {
  readonly verdict: ExplainedVerdict;
  readonly protocol: Protocol;
  readonly limits: Limits;
  readonly answer?: Answer | undefined;
  readonly endings?: readonly Ending[];
  readonly isEstimated?: boolean;
}

/** What the application of the caller gets to see. */
export function seenBy({ verdict, protocol, limits, answer, endings = [], isEstimated }: SeenInput): string {
  if (protocol === "tcp") return BYTES[verdict];
  if (answer?.location !== undefined) return `${answer.status} with location ${answer.location}`;
  const text = endings.length > 1 ? shared(endings, isEstimated === true) : REQUESTS[verdict];
  if (verdict !== "allowed" || limits.requestMs === undefined) return text;
  return `${text}, or 504 after ${durationFromMs(limits.requestMs)}`;
}

/** Endings with their shares. */
function shared(endings: readonly Ending[], isEstimated: boolean): string {
  const about = isEstimated ? "about " : "";
  const parts = endings.map(
    ({ share, status }) => `${status ?? "the application's answer"} to ${about}${percent(share)}`,
  );
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)} of the requests`;
}

/** Two digits are enough for a person, unless that would be none or all. */
function percent(share: number): string {
  const rounded = Math.round(share * 100) / 100;
  return `${rounded === 0 || rounded === 100 ? share : rounded}%`;
}
