import type { NewResource } from "@skein/model";
import type { Trial } from "../api/ports.ts";
import type { RandomBytes } from "../identity/x509/serial.ts";
import type { World } from "../pipeline/world.ts";
import type { Store } from "../store/store.ts";
import { ConfigCheck, shapeOf } from "./config-check.ts";
import { EnvoyValidator } from "./envoy-validator.ts";
import { findEnvoy } from "./find-envoy.ts";
import { createStandIn } from "./stand-ins.ts";
import { tryPatch } from "./try-patch.ts";

export interface PatchTrialEnvironment {
  readonly config: { readonly path: string; readonly validate: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly world: World;
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: RandomBytes;
}

const TIMEOUT_MS = 10_000;

/** What tries a MeshProxyPatch before it is written, with the Envoy that the configuration or the PATH names. */
export function patchTrial(environment: PatchTrialEnvironment): (next: NewResource) => Promise<Trial> {
  const { config, env, world, store, now, random } = environment;
  const envoy = config.validate ? findEnvoy(config.path, env) : undefined;
  const options = { world, store, shapeOf, now: () => performance.now() };
  if (envoy === undefined) {
    const not = config.validate
      ? `there is no ${config.path === "" ? "envoy on the PATH" : config.path} on the control plane's machine (skein.envoy.path)`
      : "skein.envoy.validate is false";
    return (next) => tryPatch({ ...options, ask: { not } }, next);
  }
  const check = new ConfigCheck(new EnvoyValidator({ envoy, timeoutMs: TIMEOUT_MS }), () =>
    createStandIn(now(), random),
  );
  return (next) => tryPatch({ ...options, ask: (name, proxy) => check.ask(name, proxy) }, next);
}
