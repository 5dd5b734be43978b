import type { HttpResponse } from "../client/http.ts";
import { isObject, listAt, numberAt, textAt, valueAt } from "../read.ts";

/** How far one change has got; see `docs/api-extensions.md`. */
export interface Change {
  readonly id: number;
  readonly settled: boolean;
  readonly counts: {
    readonly affected: number;
    readonly acknowledged: number;
    readonly behind: number;
    readonly rejected: number;
    readonly gone: number;
  };
  readonly lastAcknowledgedAfterMs: number;
  readonly proxies: readonly ProxyProgress[];
}

export type ProxyState = "behind" | "acknowledged" | "rejected" | "gone";

/** One proxy's part in a change. */
export interface ProxyProgress {
  readonly mesh: string;
  readonly name: string;
  readonly state: ProxyState;
  readonly resources: readonly string[];
  readonly rejected: readonly Rejection[];
}

/** A resource that Envoy refused, with Envoy's words and the policies it was made from. */
export interface Rejection {
  readonly resource: string;
  readonly message: string;
  /** KRIs; with the rule where the control plane knows it. */
  readonly policies: readonly string[];
}

/** The change id in the answer to a write; `undefined` from a control plane that does not report changes. */
export function changeIdOf(response: Pick<HttpResponse, "headers" | "body">): number | undefined {
  const header = response.headers["skein-change-id"];
  const id = Number(typeof header === "string" ? header : changeIdInBody(response.body));
  return Number.isSafeInteger(id) && id >= 0 ? id : undefined;
}

function changeIdInBody(body: string): unknown {
  try {
    return valueAt(JSON.parse(body), "changeId");
  } catch {
    return undefined;
  }
}

/** Reads `GET /_changes/<id>`; `items` are all of the change's items, from however many pages. */
export function parseChange(document: unknown, items: readonly unknown[]): Change {
  const count = (key: string): number => numberAt(document, "proxies", key);
  return {
    id: numberAt(document, "id"),
    settled: textAt(document, "state") === "settled",
    counts: {
      affected: count("affected"),
      acknowledged: count("acknowledged"),
      behind: count("behind"),
      rejected: count("rejected"),
      gone: count("gone"),
    },
    lastAcknowledgedAfterMs: numberAt(document, "lastAcknowledgedAfterMs"),
    proxies: items.filter(isObject).map(parseProgress),
  };
}

/** Reads the `rejected` list that changes and proxy statuses share. */
export function parseRejections(item: unknown): readonly Rejection[] {
  return listAt(item, "rejected").map((rejection) => {
    const rules = listAt(rejection, "rules");
    return {
      resource: `${textAt(rejection, "type")} ${textAt(rejection, "name")}`,
      message: textAt(rejection, "message"),
      policies: (rules.length === 0 ? listAt(rejection, "policies") : rules).map(String),
    };
  });
}

/** `listener x: <Envoy's words> (from kri_…)`. */
export function describeRejection({ resource, message, policies }: Rejection): string {
  return `${resource}: ${message}${policies.length === 0 ? "" : ` (from ${policies.join(", ")})`}`;
}

function parseProgress(item: unknown): ProxyProgress {
  const states: readonly ProxyState[] = ["acknowledged", "rejected", "gone"];
  return {
    mesh: textAt(item, "mesh"),
    name: textAt(item, "name"),
    state: states.find((state) => state === textAt(item, "state")) ?? "behind",
    resources: listAt(item, "resources").map(
      (resource) => `${textAt(resource, "type")} ${textAt(resource, "name")}`,
    ),
    rejected: parseRejections(item),
  };
}
