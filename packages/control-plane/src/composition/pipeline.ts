import { randomUUID } from "node:crypto";
import { durationMs } from "@skein/model";
import { agentPlan } from "@skein/policies/mesh-opa/policy";
import type { Proxies } from "../api/ports.ts";
import type { Config } from "../config/config.ts";
import type { CheckPace } from "../hds/checks.ts";
import { HDS_PATH, HealthServer } from "../hds/health-server.ts";
import { secretText } from "../identity/secrets.ts";
import { DataplaneInsights } from "../insights/dataplane-insights.ts";
import type { Naming } from "../naming/run.ts";
import { AgentServer } from "../opa/agent-server.ts";
import { proxies } from "../pipeline/answers.ts";
import { ChangeLog } from "../pipeline/change-log.ts";
import { Drains } from "../pipeline/drains.ts";
import { LiveFleet } from "../pipeline/fleet.ts";
import { World } from "../pipeline/world.ts";
import type { Change } from "../store/store.ts";
import { type ControlPlaneMetrics, controlPlaneMetrics } from "../telemetry/metrics.ts";
import { VERSION } from "../version.ts";
import { createXdsServer, type XdsServer } from "../xds/server.ts";
import type { Foundation } from "./foundation.ts";
import { type Identities, makeIdentities } from "./identities.ts";
import type { Tokens } from "./tokens.ts";

/** Everything between the store and the ports. */
export interface Pipeline {
  readonly world: World;
  readonly changes: ChangeLog;
  readonly insights: DataplaneInsights;
  readonly metrics: ControlPlaneMetrics;
  readonly fleet: LiveFleet;
  /** Absent where health discovery is switched off. */
  readonly health: HealthServer | undefined;
  readonly xds: XdsServer;
  readonly proxies: Proxies;
  readonly identities: Identities;
  readonly drains: Drains;
  readonly agents: AgentServer;
  /** Takes in what has been written to the store. */
  readonly feed: (changes: readonly Change[]) => void;
}

/**
 * Makes the parts and joins them: they call each other, so all of them are made here. Nothing happens before they are fed.
 * @param naming `undefined` while it has not been started
 * @throws StartError with one sentence
 */
export async function makePipeline(
  foundation: Foundation,
  tokens: Tokens,
  naming: () => Naming | undefined,
): Promise<Pipeline> {
  const { config, log, now, monotonic, zone, labels, instanceId, registry, isPolicy, cipher, store } =
    foundation;
  const world = new World({
    zone,
    autoReachable: config.experimental.autoReachableServices,
    serviceVipPort: config.dnsServer.serviceVipPort,
    openSecret: secretText(cipher),
  });
  const changes = new ChangeLog({ now, monotonic });
  const insights = new DataplaneInsights({
    store,
    now,
    flushInterval: durationMs(config.xdsServer.dataplaneStatusFlushInterval),
    subscriptionLimit: config.metrics.dataplane.subscriptionLimit,
    onError: (error) => log.warn({ err: error }, "insights could not be written; they are tried again"),
  });
  const metrics = controlPlaneMetrics({
    version: VERSION,
    instanceId,
    zone,
    store,
    types: registry.kinds.map(({ type }) => type),
    streams: () => xds.streams,
    healthStreams: () => health?.streams ?? 0,
    proxies: () => proxyList.list(),
    namingProblems: () => naming()?.problems().length ?? 0,
  });
  const { hds } = config.dpServer;

  const fleet: LiveFleet = new LiveFleet({
    world,
    store,
    changes,
    insights,
    labels,
    instanceId,
    tokens: tokens.needsToken ? tokens.validator : undefined,
    now,
    monotonic,
    randomId: randomUUID,
    batchMs: durationMs(config.skein.batchDelay),
    batchMaxMs: durationMs(config.skein.batchMaxDelay),
    probes: hds.enabled,
    deregistrationDelayMs: durationMs(config.xdsServer.dataplaneDeregistrationDelay),
    metrics,
    log,
    onPlanned: (proxy) => identities.controller.certificates.planned(proxy),
    onProgress: () => identities.rollouts.progress(),
    onStart: (proxy) => drains.forget(proxy.mesh, proxy.name),
    onPresence: (proxy) => naming()?.wake(proxy.mesh, proxy.name),
    onGone: (proxy) => identities.controller.certificates.gone(proxy),
  });
  const health: HealthServer | undefined = hds.enabled
    ? new HealthServer({
        store,
        admit: (node) => fleet.admit(node),
        defaults: checkPace(hds.checkDefaults),
        reportMs: durationMs(hds.interval),
        isDraining: (proxy) => drains.isDraining(proxy),
        isStarting: ({ mesh, name }) => fleet.proxy(mesh, name)?.starting !== undefined,
        metrics: metrics.health,
        monotonic,
        log,
      })
    : undefined;
  const xds = createXdsServer({
    fleet,
    log,
    instanceId,
    ...(health === undefined ? {} : { handlers: new Map([[HDS_PATH, health.handler]]) }),
  });
  const proxyList = proxies({ world, store, fleet, isPolicy });
  const identities: Identities = await makeIdentities(foundation, { world, changes, fleet, metrics, naming });
  const drains: Drains = new Drains({ store, changes, clients: fleet, authorize: tokens.authorize });
  const agents = new AgentServer({
    secrets: { store, cipher },
    confOf: (mesh, name) => {
      const plan = world.mesh(mesh).planner.plan.at(name).get();
      return plan && agentPlan(plan.policies)?.conf;
    },
    authorize: tokens.authorize,
    hold: (revision, mesh) => changes.hold(revision, mesh),
    log,
  });

  const feed = (list: readonly Change[]) => {
    world.apply(list);
    identities.controller.changed(list);
    agents.changed(list);
    health?.changed(list);
    const revisions = new Set(list.filter(isOfInterest).map(({ revision }) => revision));
    for (const revision of revisions) fleet.changed(revision);
  };
  return {
    ...{ world, changes, insights, metrics, fleet, health, xds, proxies: proxyList },
    ...{ identities, drains, agents, feed },
  };
}

/** Writes that no proxy can be concerned with are not followed: insights are written all the time. */
function isOfInterest({ before, after }: Change): boolean {
  const type = (after ?? before)?.type ?? "";
  return !type.endsWith("Insight");
}

function checkPace(defaults: Config["dpServer"]["hds"]["checkDefaults"]): CheckPace {
  return {
    timeoutMs: durationMs(defaults.timeout),
    intervalMs: durationMs(defaults.interval),
    noTrafficIntervalMs: durationMs(defaults.noTrafficInterval),
    healthyThreshold: defaults.healthyThreshold,
    unhealthyThreshold: defaults.unhealthyThreshold,
  };
}
