import { durationMs } from "@skein/model";
import { createDiagnostics } from "./api/diagnostics.ts";
import { createApi } from "./api/server.ts";
import { apiDeps } from "./composition/api-deps.ts";
import { dataPlanePort } from "./composition/data-plane-port.ts";
import { layFoundation } from "./composition/foundation.ts";
import { namingEnvironment, runNaming } from "./composition/naming.ts";
import { makePipeline } from "./composition/pipeline.ts";
import { makeTokens } from "./composition/tokens.ts";
import type { Config } from "./config/config.ts";
import { ensureDefaults } from "./defaults/ensure-defaults.ts";
import { closeAbandonedSubscriptions, selfRegistered } from "./insights/abandoned.ts";
import { removeLongGone } from "./insights/cleanup.ts";
import { startCleanup } from "./insights/cleanup-timer.ts";
import { listen, type Stoppable } from "./listen.ts";
import type { Log } from "./log.ts";
import type { Naming } from "./naming/run.ts";
import { QuietCollections } from "./quiet-collections.ts";

export interface ControlPlane {
  /** Stops serving, lets requests in flight end, and closes the store. */
  stop(): Promise<void>;
}

/**
 * Starts everything that a zone's control plane is made of, in the order in which it may be used; `composition/` makes the
 * parts. @throws StartError with one sentence
 */
export async function startControlPlane(config: Config, log: Log): Promise<ControlPlane> {
  const foundation = await layFoundation(config, log);
  const { certificate, instanceId, now, store } = foundation;
  const stops: Stoppable[] = [];

  try {
    const tokens = await makeTokens(foundation);
    let naming: Naming | undefined;
    const pipeline = await makePipeline(foundation, tokens, () => naming);
    const { fleet, identities } = pipeline;

    const everything = foundation.plannedTypes
      .flatMap((type) => store.list({ type }))
      .map((after) => ({ revision: after.revision, before: undefined, after }));
    pipeline.feed(everything);
    const collections = new QuietCollections();
    stops.push({ stop: async () => collections.stop() });
    store.watch((changes) => {
      pipeline.feed(changes);
      collections.worked();
    });

    await ensureDefaults({
      ...foundation.meshDefaults,
      skipMeshCreation: config.defaults.skipMeshCreation,
      skipHostnameGenerators: config.defaults.skipHostnameGenerators,
      bootstrapAdminToken: config.apiServer.authn.tokens.bootstrapAdminToken,
      tokens: tokens.issuer,
    });
    const abandoned = await closeAbandonedSubscriptions(store, (id) => id === instanceId, now());
    await identities.controller.idle();
    const environment = namingEnvironment(foundation, pipeline);
    naming = runNaming(foundation, pipeline, environment);
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

    const dpServer = dataPlanePort(foundation, pipeline, tokens);
    const deps = apiDeps(foundation, pipeline, tokens, environment);
    stops.push(
      await listen.http2(dpServer, config.dpServer.port, "dpServer.port", () =>
        pipeline.xds.close(graceMs(config)),
      ),
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
    const diagnostics = createDiagnostics({ isReady: () => isReady, metrics: pipeline.metrics.registry });
    stops.push(
      await listen.fastify(diagnostics, "0.0.0.0", config.diagnostics.serverPort, "diagnostics.serverPort"),
    );
    log.info(
      {
        zone: foundation.zone,
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
        pipeline.agents.close();
        await pipeline.health?.close();
        identities.rollouts.close();
        identities.issuer.close();
        await pipeline.insights.close();
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

function graceMs(config: Config): number {
  return durationMs(config.dpServer.gracefulShutdownTimeout);
}
