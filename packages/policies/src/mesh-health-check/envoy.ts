import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type Cluster,
  Cluster_CommonLbConfigSchema,
  Cluster_CommonLbConfig_ZoneAwareLbConfigSchema as ZoneAwareSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { TypedExtensionConfigSchema } from "@skein/envoy-api/envoy/config/core/v3/extension_pb";
import { type HealthCheck, HealthCheckSchema } from "@skein/envoy-api/envoy/config/core/v3/health_check_pb";
import { HealthCheckEventFileSinkSchema } from "@skein/envoy-api/envoy/extensions/health_check/event_sinks/file/v3/file_pb";
import { PercentSchema } from "@skein/envoy-api/envoy/type/v3/percent_pb";
import type { OutboundDraft } from "../draft.ts";
import { duration } from "../envoy-values.ts";
import { checker } from "./checker.ts";
import type { MeshHealthCheckConf } from "./conf.ts";

/** Has Envoy ask the instances of a destination. Where no check fits the protocol, nothing is said at all. */
export function healthChecks(conf: MeshHealthCheckConf, draft: OutboundDraft): void {
  const healthChecker = checker(conf, draft);
  if (healthChecker === undefined) return;
  const check = create(HealthCheckSchema, {
    interval: duration(conf.interval ?? "1m"),
    timeout: duration(conf.timeout ?? "15s"),
    unhealthyThreshold: conf.unhealthyThreshold ?? 5,
    healthyThreshold: conf.healthyThreshold ?? 1,
    healthChecker,
  });
  pace(conf, check);
  log(conf, check);
  if (conf.reuseConnection !== undefined) check.reuseConnection = conf.reuseConnection;
  draft.cluster.healthChecks = [check];
  // An instance that leaves the mesh must not be called any more, however well it feels: Envoy would go on.
  draft.cluster.ignoreHealthOnHostRemoval = true;
  panic(conf, draft.cluster);
}

function pace(conf: MeshHealthCheckConf, check: HealthCheck): void {
  if (conf.initialJitter !== undefined) check.initialJitter = duration(conf.initialJitter);
  if (conf.intervalJitter !== undefined) check.intervalJitter = duration(conf.intervalJitter);
  if (conf.intervalJitterPercent !== undefined) check.intervalJitterPercent = conf.intervalJitterPercent;
  if (conf.noTrafficInterval !== undefined) check.noTrafficInterval = duration(conf.noTrafficInterval);
}

function log({ eventLogPath, alwaysLogHealthCheckFailures }: MeshHealthCheckConf, check: HealthCheck): void {
  check.alwaysLogHealthCheckFailures = alwaysLogHealthCheckFailures ?? false;
  if (eventLogPath === undefined) return;
  check.eventLogger = [
    create(TypedExtensionConfigSchema, {
      name: "envoy.health_check.event_sinks.file",
      typedConfig: anyPack(
        HealthCheckEventFileSinkSchema,
        create(HealthCheckEventFileSinkSchema, { eventLogPath }),
      ),
    }),
  ];
}

/**
 * Below the panic threshold Envoy calls everybody again, well or not; `failTrafficOnPanic` makes it call nobody. Envoy
 * cannot do that together with locality weights. There the threshold is set to zero instead, so that those who are not
 * well are left out all the same.
 */
function panic(conf: MeshHealthCheckConf, cluster: Cluster): void {
  if (conf.healthyPanicThreshold === undefined && conf.failTrafficOnPanic !== true) return;
  cluster.commonLbConfig ??= create(Cluster_CommonLbConfigSchema);
  const common = cluster.commonLbConfig;
  const hasWeights = common.localityConfigSpecifier.case === "localityWeightedLbConfig";
  if (conf.failTrafficOnPanic === true && !hasWeights) {
    common.localityConfigSpecifier = {
      case: "zoneAwareLbConfig",
      value: create(ZoneAwareSchema, { failTrafficOnPanic: true }),
    };
  }
  const threshold = conf.healthyPanicThreshold ?? (hasWeights ? 0 : undefined);
  if (threshold !== undefined) {
    common.healthyPanicThreshold = create(PercentSchema, { value: Number(threshold) });
  }
}
