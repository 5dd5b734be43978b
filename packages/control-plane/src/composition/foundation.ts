import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { coreKinds, createRegistry, type LabelContext, type Registry } from "@skein/model";
import { policyKinds } from "@skein/policies";
import type { Config } from "../config/config.ts";
import type { MeshDefaultsEnvironment } from "../defaults/mesh-defaults.ts";
import { createSecretsCipher, type SecretsCipher } from "../identity/secrets-cipher.ts";
import type { Log } from "../log.ts";
import { TAGGED_SERVICE } from "../naming/tagged-service.ts";
import type { Store } from "../store/store.ts";
import { encryptionKeys, makeWorkDir, openConfiguredStore, serverCertificate } from "./configured.ts";

/** What every part of a control plane may stand on: nothing here knows of a proxy. */
export interface Foundation {
  readonly config: Config;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly zone: string;
  readonly labels: LabelContext;
  /** Tells this process from others, and from earlier ones. */
  readonly instanceId: string;
  readonly registry: Registry;
  readonly isPolicy: (type: string) => boolean;
  /** All kinds that plans are made of. */
  readonly plannedTypes: readonly string[];
  /** Of all ports. */
  readonly certificate: { readonly certPem: string; readonly keyPem: string };
  readonly cipher: SecretsCipher;
  readonly store: Store;
  /** What a new mesh starts with. */
  readonly meshDefaults: MeshDefaultsEnvironment;
}

/** Reads what the configuration points at, and opens the store last. @throws StartError with one sentence */
export async function layFoundation(config: Config, log: Log): Promise<Foundation> {
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
  return {
    ...{ config, log, now, monotonic, zone, labels, instanceId, registry, isPolicy },
    plannedTypes: [...registry.kinds.map(({ type }) => type), TAGGED_SERVICE],
    ...{ certificate, cipher, store },
    meshDefaults: {
      store,
      registry,
      cipher,
      context: labels,
      skipTenantResources: config.defaults.skipTenantResources,
      now,
      random: randomBytes,
    },
  };
}
