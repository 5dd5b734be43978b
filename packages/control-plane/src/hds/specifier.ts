import { create, toBinary } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  type Address,
  AddressSchema,
  BindConfigSchema,
  PipeSchema,
} from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  type HealthCheck,
  HealthCheck_HttpHealthCheckSchema,
  HealthCheck_TcpHealthCheckSchema,
  HealthCheckSchema,
} from "@skein/envoy-api/envoy/config/core/v3/health_check_pb";
import { EndpointSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import {
  type ClusterHealthCheck,
  ClusterHealthCheckSchema,
  HealthCheckSpecifierSchema,
  LocalityEndpointsSchema,
} from "@skein/envoy-api/envoy/service/health/v3/hds_pb";
import type { AdminPlan } from "@skein/policies";
import { socketAddress } from "../envoy/values.ts";
import type { CheckPace, HealthChecks, ProbeCheck } from "./checks.ts";

/** `HealthCheckSpecifier` in bytes: what to check, and how often (milliseconds) to report. */
export function specifier(checks: HealthChecks, reportMs: number): Uint8Array {
  const { admin } = checks;
  const probes = new Map(
    checks.inbounds.flatMap((check) => (check ? [[check.cluster, check] as const] : [])),
  );
  return toBinary(
    HealthCheckSpecifierSchema,
    create(HealthCheckSpecifierSchema, {
      interval: duration(reportMs),
      clusterHealthChecks: [
        ...(admin === undefined
          ? []
          : [clusterCheck(admin.cluster, adminAddress(admin.target), ready(admin.pace))]),
        ...[...probes.values()].map(probeCheck),
      ],
    }),
  );
}

function probeCheck({ cluster, address, port, source, pace }: ProbeCheck): ClusterHealthCheck {
  const check = paced(pace, { case: "tcpHealthCheck", value: create(HealthCheck_TcpHealthCheckSchema) });
  const message = clusterCheck(cluster, socketAddress(address, port), check);
  if (source === undefined) return message;
  const { address: from } = socketAddress(source, 0);
  if (from.case === "socketAddress") {
    message.upstreamBindConfig = create(BindConfigSchema, { sourceAddress: from.value });
  }
  return message;
}

function clusterCheck(clusterName: string, address: Address, check: HealthCheck): ClusterHealthCheck {
  return create(ClusterHealthCheckSchema, {
    clusterName,
    healthChecks: [check],
    localityEndpoints: [
      create(LocalityEndpointsSchema, { endpoints: [create(EndpointSchema, { address })] }),
    ],
  });
}

function ready(pace: CheckPace): HealthCheck {
  return paced(pace, {
    case: "httpHealthCheck",
    value: create(HealthCheck_HttpHealthCheckSchema, { path: "/ready" }),
  });
}

function paced(pace: CheckPace, healthChecker: HealthCheck["healthChecker"]): HealthCheck {
  return create(HealthCheckSchema, {
    timeout: duration(pace.timeoutMs),
    interval: duration(pace.intervalMs),
    noTrafficInterval: duration(pace.noTrafficIntervalMs),
    healthyThreshold: pace.healthyThreshold,
    unhealthyThreshold: pace.unhealthyThreshold,
    healthChecker,
  });
}

function adminAddress(target: AdminPlan["target"]): Address {
  if (!("socket" in target)) return socketAddress(target.address, target.port);
  const value = create(PipeSchema, { path: target.socket });
  return create(AddressSchema, { address: { case: "pipe", value } });
}

/** Envoy refuses durations below a millisecond. */
function duration(ms: number): Duration {
  const whole = Math.max(1, Math.round(ms));
  return create(DurationSchema, {
    seconds: BigInt(Math.floor(whole / 1000)),
    nanos: (whole % 1000) * 1_000_000,
  });
}
