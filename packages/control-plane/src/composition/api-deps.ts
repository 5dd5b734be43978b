import { randomBytes, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { ApiDeps } from "../api/deps.ts";
import { maskSecrets } from "../config/mask.ts";
import { onMeshWritten } from "../defaults/mesh-defaults.ts";
import { adminClient } from "../envoy-admin/client.ts";
import { patchTrial } from "../envoy-check/patch-trial.ts";
import { plans } from "../pipeline/answers.ts";
import type { NamingEnvironment } from "../preview/naming-consequences.ts";
import { previews } from "../preview/previews.ts";
import { authenticate } from "../tokens/authn.ts";
import { VERSION } from "../version.ts";
import type { Foundation } from "./foundation.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Tokens } from "./tokens.ts";

/** What the HTTP API stands on. */
export function apiDeps(
  foundation: Foundation,
  { world, changes, fleet, proxies, identities, metrics }: Pipeline,
  tokens: Tokens,
  naming: NamingEnvironment,
): ApiDeps {
  const { config, log, now, monotonic, zone, labels, instanceId } = foundation;
  const { registry, isPolicy, plannedTypes, cipher, store, meshDefaults } = foundation;
  return {
    store,
    registry,
    settings: {
      ...labels,
      readOnly: config.apiServer.readOnly,
      basePath: config.apiServer.basePath,
      corsAllowedDomains: config.apiServer.corsAllowedDomains,
      guiEnabled: config.apiServer.gui.enabled,
      unsafeDelete: config.store.unsafeDelete,
      probes: config.dpServer.hds.enabled,
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
        (token) => tokens.validator.user(token),
      ),
    access: config.access.static,
    tokens: tokens.issuer,
    cipher,
    changes,
    proxies,
    plans: plans({ world, store, fleet, isPolicy, naming: { zone, environment: "universal" } }),
    previews: previews({
      world,
      store,
      naming,
      types: plannedTypes,
      isPolicy,
      isConnected: (mesh, name) => fleet.proxy(mesh, name) !== undefined,
      onMeshWritten: (draft, mesh, before) => onMeshWritten({ ...meshDefaults, store: draft }, mesh, before),
      zone,
      now,
      random: randomBytes,
      monotonic,
    }),
    envoyAdmin: adminClient({
      store,
      authority: identities.adminAuthority,
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
    warned: metrics.warned,
    onMeshWritten: (mesh, before) => onMeshWritten(meshDefaults, mesh, before),
    now,
    log,
  };
}
