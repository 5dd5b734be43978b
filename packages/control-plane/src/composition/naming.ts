import { durationMs } from "@skein/model";
import { vipCidrs } from "../config/rules.ts";
import { systemClock } from "../identity/clock.ts";
import { type Naming, startNaming } from "../naming/run.ts";
import type { NamingEnvironment } from "../preview/naming-consequences.ts";
import type { Foundation } from "./foundation.ts";
import type { Pipeline } from "./pipeline.ts";

/** What naming is set to: for what is done, and for what previews foresee. */
export function namingEnvironment(
  { config, labels }: Foundation,
  { fleet }: Pick<Pipeline, "fleet">,
): NamingEnvironment {
  return {
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
}

/** Begins to derive services, names, addresses and workloads. */
export function runNaming(
  { store, log }: Foundation,
  { changes, world }: Pick<Pipeline, "changes" | "world">,
  environment: NamingEnvironment,
): Naming {
  return startNaming({
    ...environment,
    store,
    clock: systemClock,
    log,
    follow: (revision, consequences) => void changes.follow(revision, consequences),
    identitiesOf: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().ids,
    acceptsTls: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().acceptsTls,
  });
}
