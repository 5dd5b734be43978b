import type { DataplaneResource, Resource, ResourceKey } from "@skein/model";
import {
  type InboundPlan,
  meshTrafficPermission,
  type PatchProblem,
  type PolicyResource,
  type ProxyPlan,
  planOf,
  select,
  verdict,
} from "@skein/policies";
import { analysis } from "../analyze/analyze.ts";
import type { AccessEntry, Plans, Proxies, ProxyCondition, ProxyStatus } from "../api/ports.ts";
import { explain } from "../explain/explain.ts";
import type { NamingContext } from "../identity/selection.ts";
import type { Store } from "../store/store.ts";
import { gatewaysOf } from "../view/gateways.ts";
import { selectable } from "../view/selectable.ts";
import { selectsDataplane } from "../view/service-members.ts";
import { deleteWarnings } from "./delete-warnings.ts";
import type { LiveFleet } from "./fleet.ts";
import { inTurns } from "./in-turns.ts";
import { warningsFor } from "./warnings.ts";
import type { World } from "./world.ts";

export interface AnswersOptions {
  readonly world: World;
  readonly store: Store;
  readonly fleet: LiveFleet;
  readonly isPolicy: (type: string) => boolean;
}

/** Questions about what has been decided, answered from the plans that program Envoy. */
export function plans({
  world,
  store,
  isPolicy,
  naming,
}: AnswersOptions & { readonly naming: NamingContext }): Plans {
  const planFor = ({ mesh, name }: ResourceKey): ProxyPlan | undefined =>
    world.mesh(mesh).planner.plan.at(name).get();
  return {
    plan: planFor,
    access: (mesh) => accessMatrix(world, mesh),
    config: ({ mesh, name }) => world.mesh(mesh).config.at(name).get(),
    analyze: (name, by) => {
      const mesh = store.get({ type: "Mesh", mesh: "", name });
      const own = by.kinds.filter(({ scope }) => scope === "Mesh");
      const stored = own.flatMap(({ type }) => store.list({ type, mesh: name }));
      const resources = [...(mesh === undefined ? [] : [mesh]), ...stored];
      return inTurns(analysis({ mesh: world.mesh(name), resources, ...by }));
    },
    explain: (question) => explain(world.mesh(question.mesh), question),
    async xds({ mesh, name }, { includeEds }) {
      const config = world.mesh(mesh).config.at(name).get();
      if (config === undefined) return undefined;
      // Printing needs a description of every message of Envoy's API: 50 MB that most control planes never need.
      const { configDump } = await import("./config-dump.ts");
      return configDump(config, includeEds);
    },
    selectedBy: (resource) => selectedBy({ world, store, isPolicy }, resource),
    warnings: (written: Resource) => warningsFor(written, store, isPolicy),
    deleteWarnings: (deleted: Resource) => deleteWarnings(deleted, store, naming),
  };
}

/** The dataplanes that a policy or a MeshService selects, or that serve a MeshGateway. */
export function selectedBy(
  { world, store, isPolicy }: Pick<AnswersOptions, "world" | "store" | "isPolicy">,
  resource: Resource,
): readonly DataplaneResource[] {
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: resource.mesh });
  const gateways = world.mesh(resource.mesh).index.gateways.get();
  if (isPolicy(resource.type)) {
    return dataplanes.filter(
      (each) => select(resource as PolicyResource, selectable(each, gateways)).kind !== "none",
    );
  }
  if (resource.type === "MeshGateway") {
    return dataplanes.filter((each) => gatewaysOf(each, gateways)[0]?.name === resource.name);
  }
  if (resource.type !== "MeshService") return [];
  return dataplanes.filter((each) => selectsDataplane(resource as never, each));
}

/** The connected proxies, and the Dataplanes that nobody is connected for. */
export function proxies({ store, fleet, world }: AnswersOptions): Proxies {
  return {
    list(mesh) {
      const connected = [...fleet.proxies].filter((proxy) => mesh === undefined || proxy.mesh === mesh);
      const known = new Set(connected.map(({ id }) => id));
      const offline = store
        .list<DataplaneResource>({ type: "Dataplane", ...(mesh === undefined ? {} : { mesh }) })
        .filter((dataplane) => !known.has(`${dataplane.mesh}/${dataplane.name}`))
        .map(offlineStatus);
      const online = connected.map((proxy) => {
        const status = proxy.status();
        const plan = world.mesh(proxy.mesh).planner.plan.at(proxy.name).get();
        const skipped = (proxy.config?.patched?.problems ?? []).map(notPatched);
        return { ...status, conditions: [...status.conditions, ...(plan?.conditions ?? []), ...skipped] };
      });
      return [...online, ...offline].sort((a, b) =>
        a.mesh < b.mesh ? -1 : a.mesh > b.mesh ? 1 : a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
      );
    },
  };
}

function notPatched({ origin, resource, message }: PatchProblem): ProxyCondition {
  return {
    type: "NotPatched",
    message: `${origin.rule} of ${origin.policy} cannot be done on ${resource}: ${message}`,
    policy: origin.policy,
    resource,
  };
}

function offlineStatus(dataplane: DataplaneResource): ProxyStatus {
  return {
    mesh: dataplane.mesh,
    name: dataplane.name,
    state: "offline",
    connected: false,
    since: dataplane.modificationTime,
    wantedRevision: 0,
    acknowledgedRevision: 0,
    resources: {},
    rejected: [],
    conditions: [],
  };
}

/**
 * Who may call whom: every workload against every port of every other. Instances of one workload answer alike, so one
 * of them speaks for all.
 */
export function accessMatrix(world: World, meshName: string): readonly AccessEntry[] {
  const mesh = world.mesh(meshName);
  const workloads = new Map<string, ProxyPlan>();
  const ports = new Map<string, { readonly label: string; readonly inbound: InboundPlan }>();
  for (const name of [...mesh.index.dataplaneNames()].sort()) {
    const plan = mesh.planner.plan.at(name).get();
    if (plan === undefined) continue;
    const label = workloadName(plan);
    if (!workloads.has(label)) workloads.set(label, plan);
    for (const inbound of plan.inbounds) {
      const key = `${label} ${inbound.port}`;
      if (!ports.has(key)) ports.set(key, { label, inbound });
    }
  }
  const entries: AccessEntry[] = [];
  for (const [source, plan] of [...workloads].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const { label, inbound } of [...ports.values()].sort((a, b) => (a.label < b.label ? -1 : 1))) {
      if (label === source) continue;
      const sourceId = plan.identity?.uris[0] ?? "";
      entries.push({ source, sourceId, destination: label, port: inbound.port, ...judge(plan, inbound) });
    }
  }
  return entries;
}

/** What a caller that has this plan may do at an inbound. */
export function judge(
  source: ProxyPlan,
  inbound: InboundPlan,
): Pick<AccessEntry, "verdict" | "policy" | "reason"> {
  const { tls } = inbound.shared;
  if (tls === undefined || tls.mode === "off") {
    return {
      verdict: "plaintext",
      policy: null,
      reason: "the destination has no identity: anybody may call it",
    };
  }
  const permission = planOf(meshTrafficPermission, inbound.shared.policies);
  if (source.identity === undefined) {
    return tls.mode === "permissive"
      ? { verdict: "plaintext", policy: null, reason: "the caller has no identity and plaintext is let in" }
      : { verdict: "deny", policy: null, reason: "the caller has no identity and plaintext is refused" };
  }
  if (permission === undefined)
    return { verdict: "allow", policy: null, reason: "nothing restricts the destination" };
  const { allowed, origin } = verdict(permission, { uris: source.identity.uris, sni: undefined });
  const policy = origin?.policy ?? null;
  if (allowed) return { verdict: "allow", policy, reason: `allowed by ${origin?.rule ?? ""}` };
  return policy === null
    ? { verdict: "deny", policy, reason: "no MeshTrafficPermission allows it" }
    : { verdict: "deny", policy, reason: `denied by ${origin?.rule ?? ""}` };
}

/** What people call the workload behind a proxy: its workload, app or service, else the proxy itself. */
export function workloadName(plan: ProxyPlan): string {
  const tags = plan.inbounds[0]?.tags;
  return plan.labels["kuma.io/workload"] ?? plan.labels.app ?? tags?.["kuma.io/service"] ?? plan.name;
}
