import type { DataplaneResource, MeshGatewayResource } from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import { gatewaysOf, isBuiltinGateway, type ServedListener, servedListeners } from "../view/gateways.ts";
import { selectable } from "../view/selectable.ts";
import { valueAt } from "./value-at.ts";

/** Kinds whose `to` lists are about built-in gateways alone. */
export const TO_GATEWAYS: ReadonlySet<string> = new Set([
  "MeshRateLimit",
  "MeshFaultInjection",
  "MeshGlobalRateLimit",
]);

/** Kinds whose `rules` and `from` lists say something of the clients of a built-in gateway, or of its calls. */
const RULES_FOR_GATEWAYS: ReadonlySet<string> = new Set(["MeshTimeout", "MeshTLS"]);

/** What holds for a connection before anybody knows which host it is for: by kind, the paths in `default`. */
const OF_CONNECTIONS: Readonly<Record<string, readonly string[]>> = {
  MeshTimeout: [""],
  MeshRateLimit: ["local.tcp"],
};

/** What only requests have: by kind, the paths in `default`. */
const OF_REQUESTS: Readonly<Record<string, readonly string[]>> = {
  MeshTimeout: ["http"],
  MeshRateLimit: ["local.http"],
  MeshFaultInjection: ["http"],
  MeshGlobalRateLimit: ["http"],
};

/** Where a policy says what comes to nothing on the built-in gateways that it selects, or selects none of them. */
export function gatewayPolicyWarnings(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
  gateways: readonly MeshGatewayResource[],
): readonly string[] {
  const builtin = selected.filter(isBuiltinGateway);
  const warnings: string[] = [];
  if (TO_GATEWAYS.has(policy.type) && (policy.spec.to ?? []).length > 0 && builtin.length === 0) {
    warnings.push("spec.to: is about built-in gateways, and it selects none now");
  }
  const [first] = builtin;
  if (first === undefined) return warnings;
  const isForGatewaysOnly = builtin.length === selected.length;
  if (isForGatewaysOnly) warnings.push(...inboundWarnings(policy, first.name));
  const listeners = builtin.flatMap((dataplane) => listenersOf(policy, dataplane, gateways));
  return [...warnings, ...new Set([...listenerWarnings(policy, listeners), ...headersWarnings(policy)])];
}

/** What is about inbounds, where only gateways are selected. */
function inboundWarnings({ type, spec }: PolicyResource, example: string): readonly string[] {
  if (type === "MeshTrafficPermission") {
    return [
      `spec.targetRef: has no effect on built-in gateways, such as ${example}: their clients are no part of the mesh; what gateways may call is decided where it is called`,
    ];
  }
  return (["rules", "from"] as const).flatMap((block) => {
    const entries = spec[block] ?? [];
    if (entries.length === 0) return [];
    if (!RULES_FOR_GATEWAYS.has(type)) {
      return [`spec.${block}: is about inbounds, and built-in gateways, such as ${example}, have none`];
    }
    return entries.flatMap((entry, i) =>
      "matches" in entry && (entry.matches ?? []).length > 0
        ? [
            `spec.${block}[${i}].matches: clients of built-in gateways, such as ${example}, have no identity in the mesh, so the rule has no effect there`,
          ]
        : [],
    );
  });
}

/** A listener of a gateway, with those that share its connections and are not selected. */
interface SelectedListener extends ServedListener {
  readonly others: readonly ServedListener[];
}

function listenersOf(
  policy: PolicyResource,
  dataplane: DataplaneResource,
  gateways: readonly MeshGatewayResource[],
): readonly SelectedListener[] {
  const selection = select(policy, selectable(dataplane, gateways));
  const [gateway] = gatewaysOf(dataplane, gateways);
  if (selection.kind !== "gateway" || gateway === undefined) return [];
  const all = servedListeners(dataplane, gateway);
  return all
    .filter(({ section }) => selection.sections.has(section))
    .map((each) => ({
      ...each,
      others:
        each.listener.protocol === "HTTP"
          ? all.filter(
              ({ listener, section }) =>
                listener.port === each.listener.port && !selection.sections.has(section),
            )
          : [],
    }));
}

function listenerWarnings(
  { type, spec }: PolicyResource,
  listeners: readonly SelectedListener[],
): readonly string[] {
  const blocks = TO_GATEWAYS.has(type) ? (["to"] as const) : (["rules", "from"] as const);
  const onlyBytes =
    listeners.length > 0 && listeners.every(({ listener: { protocol = "" } }) => BYTES.includes(protocol));
  const shared = listeners.find(({ others }) => others.length > 0);
  return blocks.flatMap((block) =>
    (spec[block] ?? []).flatMap((entry, i) => {
      const at = (path: string) => `spec.${block}[${i}].default${path === "" ? "" : `.${path}`}`;
      const said = (paths: readonly string[] = []) =>
        paths.filter((path) => valueAt(entry.default, path) !== undefined).map(at);
      const requests = onlyBytes ? said(OF_REQUESTS[type]) : [];
      const connections = shared === undefined ? [] : said(OF_CONNECTIONS[type]);
      return [
        ...requests.map(
          (path) => `${path}: the listeners that it selects read no requests (protocol TCP or TLS)`,
        ),
        ...connections.map(
          (path) =>
            `${path}: holds for a connection before its host is known, and listener ${shared?.section} shares its port with ${shared?.others[0]?.section}, which is not selected, so it has no effect there`,
        ),
      ];
    }),
  );
}

const BYTES: readonly string[] = ["TCP", "TLS"];

/** A limit of clients, said of calls. */
function headersWarnings({ type, spec }: PolicyResource): readonly string[] {
  if (type !== "MeshTimeout" || spec.targetRef?.kind !== "MeshGateway") return [];
  return (spec.to ?? []).flatMap(({ default: conf }, i) =>
    valueAt(conf, "http.requestHeadersTimeout") === undefined
      ? []
      : [
          `spec.to[${i}].default.http.requestHeadersTimeout: is about clients of the gateway, so it has no effect in to; set it in rules`,
        ],
  );
}
