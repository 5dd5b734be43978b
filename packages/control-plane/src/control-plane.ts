import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { coreKinds, createRegistry, durationMs, type LabelContext } from "@skein/model";
import { policyKinds } from "@skein/policies";
import { agentPlan } from "@skein/policies/mesh-opa/policy";
import type { ApiDeps } from "./api/deps.ts";
import { createDiagnostics } from "./api/diagnostics.ts";
import { createApi } from "./api/server.ts";
import { handleBootstrap } from "./bootstrap/handle.ts";
import type { Config } from "./config/config.ts";
import { maskSecrets } from "./config/mask.ts";
import { vipCidrs } from "./config/rules.ts";
import { ensureDefaults } from "./defaults/ensure-defaults.ts";
import { type MeshDefaultsEnvironment, onMeshWritten } from "./defaults/mesh-defaults.ts";
import { createDpServer } from "./dp-server/dp-server.ts";
import { ensureAdminAuthority } from "./envoy-admin/authority.ts";
import { adminClient } from "./envoy-admin/client.ts";
import { patchTrial } from "./envoy-check/patch-trial.ts";
import type { CheckPace } from "./hds/checks.ts";
import { HDS_PATH, HealthServer } from "./hds/health-server.ts";
import { systemClock } from "./identity/clock.ts";
import { createIssuer } from "./identity/issuer.ts";
import { localAuthority } from "./identity/local-authority.ts";
import { secretText } from "./identity/secrets.ts";
import { createSecretsCipher } from "./identity/secrets-cipher.ts";
import { closeAbandonedSubscriptions, selfRegistered } from "./insights/abandoned.ts";
import { removeLongGone } from "./insights/cleanup.ts";
import { startCleanup } from "./insights/cleanup-timer.ts";
import { DataplaneInsights } from "./insights/dataplane-insights.ts";
import { listen, type Stoppable } from "./listen.ts";
import type { Log } from "./log.ts";
import { type Naming, startNaming } from "./naming/run.ts";
import { TAGGED_SERVICE } from "./naming/tagged-service.ts";
import { AgentServer } from "./opa/agent-server.ts";
import { plans, proxies } from "./pipeline/answers.ts";
import { ChangeLog } from "./pipeline/change-log.ts";
import { type DrainOptions, Drains } from "./pipeline/drains.ts";
import { LiveFleet } from "./pipeline/fleet.ts";
import { IdentityController } from "./pipeline/identity-controller.ts";
import { authenticatedProxy } from "./pipeline/registration.ts";
import { Rollouts } from "./pipeline/rollout.ts";
import { World } from "./pipeline/world.ts";
import type { NamingEnvironment } from "./preview/naming-consequences.ts";
import { previews } from "./preview/previews.ts";
import { StartError } from "./start-error.ts";
import { encryptionKeys, keySources, openConfiguredStore, serverCertificate } from "./startup.ts";
import type { Change } from "./store/store.ts";
import { controlPlaneMetrics } from "./telemetry/metrics.ts";
import { authenticate } from "./tokens/authn.ts";
import { checkDataplaneToken } from "./tokens/dataplane-auth.ts";
import type { TokenIssuer } from "./tokens/issue.ts";
import { createSigningKeys } from "./tokens/signing-keys.ts";
import { createTokenValidator } from "./tokens/validate.ts";
import { VERSION } from "./version.ts";
import { createXdsServer } from "./xds/server.ts";

export interface ControlPlane {
  /** Stops serving, lets requests in flight end, and closes the store. */
  stop(): Promise<void>;
}

/** Starts everything that a zone's control plane is made of. @throws StartError with one sentence */
export async function startControlPlane(config: Config, log: Log): Promise<ControlPlane> {
  const now = () => Date.now();
  const monotonic = () => performance.now();
  const zone = config.multizone.zone.name;
  const labels: LabelContext = {
    mode: "zone",
    zone,
    environment: "universal",
    federated: false,
    disableOriginValidation: config.multizone.zone.disableOriginLabelValidation,
  };
  const instanceId = `${hostname()}-${randomBytes(2).toString("hex")}`;
  const registry = createRegistry([...coreKinds, ...policyKinds]);
  const policyTypes = new Set(policyKinds.map(({ type }) => type));
  const isPolicy = (type: string) => policyTypes.has(type);

  makeWorkDir(config.general.workDir);
  const certificate = await serverCertificate(config, now());
  const cipher = createSecretsCipher(encryptionKeys(config), randomBytes);
  const store = openConfiguredStore(config, now, log);
  const stops: Stoppable[] = [];

  try {
    const secrets = { store, cipher };
    const tokens: TokenIssuer = { keys: createSigningKeys(secrets), now, uuid: randomUUID };
    const validator = createTokenValidator({
      secrets,
      keys: tokens.keys,
      now,
      sources: {
        dataplane: await keySources(config.dpServer.authn.dpProxy.dpToken.validator),
        zone: await keySources(config.dpServer.authn.zoneProxy.zoneToken.validator),
        user: await keySources(config.apiServer.authn.tokens.validator),
      },
    });
    const meshDefaults: MeshDefaultsEnvironment = {
      store,
      registry,
      cipher,
      context: labels,
      skipTenantResources: config.defaults.skipTenantResources,
      now,
      random: randomBytes,
    };

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
    let naming: Naming | undefined;
    const metrics = controlPlaneMetrics({
      version: VERSION,
      instanceId,
      zone,
      store,
      types: registry.kinds.map(({ type }) => type),
      streams: () => xds.streams,
      healthStreams: () => health?.streams ?? 0,
      proxyStates: () => proxyList.list().map(({ state }) => state),
      namingProblems: () => naming?.problems().length ?? 0,
    });
    const { hds } = config.dpServer;
    const needsToken = config.dpServer.authn.dpProxy.type === "dpToken";

    const fleet: LiveFleet = new LiveFleet({
      world,
      store,
      changes,
      insights,
      labels,
      instanceId,
      tokens: needsToken ? validator : undefined,
      now,
      monotonic,
      randomId: randomUUID,
      batchMs: durationMs(config.skein.batchDelay),
      batchMaxMs: durationMs(config.skein.batchMaxDelay),
      probes: hds.enabled,
      deregistrationDelayMs: durationMs(config.xdsServer.dataplaneDeregistrationDelay),
      metrics,
      log,
      onPlanned: (proxy) => identities.certificates.planned(proxy),
      onProgress: () => rollouts.progress(),
      onStart: (proxy) => drains.forget(proxy.mesh, proxy.name),
      onPresence: (proxy) => naming?.wake(proxy.mesh, proxy.name),
      onGone: (proxy) => identities.certificates.gone(proxy),
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
    const rollouts: Rollouts = new Rollouts({
      isSettled: (mesh) => fleet.isSettled(mesh) && identities.isSettled(mesh),
      setStage: (mesh, issuer, stage) => {
        world.mesh(mesh).stage.set(issuer, stage);
        naming?.wake(mesh);
        fleet.replan();
      },
      stageTimeoutMs: 10_000,
      onTimeout: (mesh, issuer, stage) =>
        log.warn(
          { mesh, issuer, stage },
          "some proxies did not acknowledge a stage of an identity's rollout in time",
        ),
      lingerMs: (mesh) => (fleet.hasProxies(mesh) ? 1_000 : 0),
    });
    const issuer = createIssuer({
      clock: systemClock,
      random: randomBytes,
      jitter: Math.random,
      concurrency: 4,
      onIssued: (key, svid) => {
        metrics.certificate(false);
        identities.certificates.issued(key, svid, (mesh, name) => fleet.proxy(mesh, name));
        fleet.replan();
      },
      onFailed: (failure) => {
        metrics.certificate(true);
        log.warn({ ...failure }, "a certificate could not be issued; it is tried again");
      },
    });
    const adminAuthority = await ensureAdminAuthority(secrets, now, randomBytes);
    world.setAdminAuthority(adminAuthority.certificatePem);
    const identities: IdentityController = new IdentityController({
      adminAuthority: localAuthority(adminAuthority),
      world,
      store,
      environment: {
        ...secrets,
        readFile: (path) => readFile(path, "utf8"),
        env: process.env,
        now,
        random: randomBytes,
      },
      zone,
      rollouts,
      issuer,
      hold: (revision, mesh) => changes.hold(revision, mesh),
      log,
    });
    const authorize: DrainOptions["authorize"] = async (token, dataplane) => {
      if (!needsToken) return { ok: true };
      const claims = await validator.dataplane(token ?? "", dataplane.mesh);
      if (!claims.ok) return { ok: false, error: claims.error.message };
      return checkDataplaneToken(claims.value, authenticatedProxy(store, dataplane, labels));
    };
    const drains: Drains = new Drains({ store, changes, clients: fleet, authorize });
    const agents = new AgentServer({
      secrets,
      confOf: (mesh, name) => {
        const plan = world.mesh(mesh).planner.plan.at(name).get();
        return plan && agentPlan(plan.policies)?.conf;
      },
      authorize,
      hold: (revision, mesh) => changes.hold(revision, mesh),
      log,
    });

    const feed = (list: readonly Change[]) => {
      world.apply(list);
      identities.changed(list);
      agents.changed(list);
      health?.changed(list);
      const revisions = new Set(list.filter(isOfInterest).map(({ revision }) => revision));
      for (const revision of revisions) fleet.changed(revision);
    };
    const plannedTypes = [...registry.kinds.map(({ type }) => type), TAGGED_SERVICE];
    const everything = plannedTypes
      .flatMap((type) => store.list({ type }))
      .map((after) => ({ revision: after.revision, before: undefined, after }));
    feed(everything);
    store.watch(feed);

    await ensureDefaults({
      ...meshDefaults,
      skipMeshCreation: config.defaults.skipMeshCreation,
      skipHostnameGenerators: config.defaults.skipHostnameGenerators,
      bootstrapAdminToken: config.apiServer.authn.tokens.bootstrapAdminToken,
      tokens,
    });
    const abandoned = await closeAbandonedSubscriptions(store, (id) => id === instanceId, now());
    await identities.idle();
    const namingEnvironment: NamingEnvironment = {
      settings: {
        context: labels,
        deletionGracePeriodMs: durationMs(config.meshService.deletionGracePeriod),
        inboundTagsDisabled: config.experimental.inboundTagsDisabled,
        taggedServices: { enabled: config.dnsServer.serviceVipEnabled, domain: config.dnsServer.domain },
        labelPropagation: config.meshService.labelPropagation,
      },
      vipCidrs: vipCidrs(config),
      connected: (mesh, name) => (fleet.proxy(mesh, name)?.streams.size ?? 0) > 0,
    };
    naming = startNaming({
      ...namingEnvironment,
      store,
      clock: systemClock,
      log,
      follow: (revision, consequences) => void changes.follow(revision, consequences),
      identitiesOf: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().ids,
      acceptsTls: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().acceptsTls,
    });
    await naming.idle();
    await fleet.whenIdle();
    fleet.expect(selfRegistered(store), abandoned);

    const cleanupAgeMs = durationMs(config.runtime.universal.dataplaneCleanupAge);
    const stopCleanup = startCleanup({
      ageMs: cleanupAgeMs,
      remove: () =>
        removeLongGone(store, {
          now: now(),
          ageMs: cleanupAgeMs,
          isConnected: (mesh, name) => fleet.proxy(mesh, name) !== undefined,
        }),
      log,
    });
    stops.push({ stop: async () => stopCleanup() });

    const dpServer = createDpServer({
      ...certificate,
      minVersion: config.general.tlsMinVersion === "TLSv1_3" ? "TLSv1.3" : "TLSv1.2",
      xds,
      bootstrap: (body, headers) =>
        handleBootstrap(
          {
            store,
            config,
            labels,
            serverCertPem: certificate.certPem,
            xdsPort: () => config.dpServer.port,
            needsToken,
          },
          body,
          headers,
        ),
      drain: (request) => drains.handle(request),
      agent: (request) => agents.handle(request),
      log,
    });
    const deps: ApiDeps = {
      store,
      registry,
      settings: {
        ...labels,
        readOnly: config.apiServer.readOnly,
        basePath: config.apiServer.basePath,
        corsAllowedDomains: config.apiServer.corsAllowedDomains,
        guiEnabled: config.apiServer.gui.enabled,
        unsafeDelete: config.store.unsafeDelete,
        probes: hds.enabled,
        product: "Kuma",
        version: VERSION,
        hostname: hostname(),
        instanceId,
        clusterId: randomUUID(),
        dnsDomain: config.dnsServer.domain,
        serviceVipPort: config.dnsServer.serviceVipPort,
      },
      maskedConfig: () => maskSecrets(config),
      authenticate: (request) =>
        authenticate(
          request,
          { localhostIsAdmin: config.apiServer.authn.localhostIsAdmin, type: config.apiServer.authn.type },
          (token) => validator.user(token),
        ),
      access: config.access.static,
      tokens,
      cipher,
      changes,
      proxies: proxyList,
      plans: plans({ world, store, fleet, isPolicy, naming: { zone, environment: "universal" } }),
      previews: previews({
        world,
        store,
        naming: namingEnvironment,
        types: plannedTypes,
        isPolicy,
        isConnected: (mesh, name) => fleet.proxy(mesh, name) !== undefined,
        onMeshWritten: (draft, mesh, before) =>
          onMeshWritten({ ...meshDefaults, store: draft }, mesh, before),
        zone,
        now,
        random: randomBytes,
        monotonic,
      }),
      envoyAdmin: adminClient({
        store,
        authority: adminAuthority,
        now,
        random: randomBytes,
        defaultPort: config.bootstrapServer.params.adminPort,
      }),
      trial: patchTrial({
        config: config.skein.envoy,
        env: process.env,
        world,
        store,
        now,
        random: randomBytes,
      }),
      onMeshWritten: (mesh, before) => onMeshWritten(meshDefaults, mesh, before),
      now,
      log,
    };

    stops.push(
      await listen.http2(dpServer, config.dpServer.port, "dpServer.port", () => xds.close(graceMs(config))),
    );
    const { http, https } = config.apiServer;
    if (http.enabled) {
      stops.push(await listen.fastify(createApi(deps), http.interface, http.port, "apiServer.http.port"));
    }
    if (https.enabled) {
      const tls = { cert: certificate.certPem, key: certificate.keyPem };
      stops.push(
        await listen.fastify(createApi(deps, { tls }), https.interface, https.port, "apiServer.https.port"),
      );
    }
    let isReady = true;
    const diagnostics = createDiagnostics({ isReady: () => isReady, metrics: metrics.registry });
    stops.push(
      await listen.fastify(diagnostics, "0.0.0.0", config.diagnostics.serverPort, "diagnostics.serverPort"),
    );
    log.info(
      {
        zone,
        api: http.port,
        dataplanes: config.dpServer.port,
        store: config.store.type,
        revision: store.revision,
      },
      "the control plane is up",
    );
    return {
      async stop() {
        isReady = false;
        await naming?.stop();
        fleet.close();
        agents.close();
        await health?.close();
        rollouts.close();
        issuer.close();
        await insights.close();
        await Promise.all(stops.map((each) => each.stop()));
        await store.close();
      },
    };
  } catch (error) {
    await Promise.allSettled(stops.map((each) => each.stop()));
    await store.close();
    throw error;
  }
}

/** Writes that no proxy can be concerned with are not followed: insights are written all the time. */
function isOfInterest({
  before,
  after,
}: {
  before: { type: string } | undefined;
  after: { type: string } | undefined;
}) {
  const type = (after ?? before)?.type ?? "";
  return !type.endsWith("Insight");
}

function makeWorkDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `general.workDir ${path} cannot be made (${reason}); set it to a directory that the control plane may write to`,
      error,
    );
  }
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

function graceMs(config: Config): number {
  return durationMs(config.dpServer.gracefulShutdownTimeout);
}
