/**
 * Which statistics Envoy keeps when they are trimmed: those that dashboards and alerts read. Each statistic costs
 * memory per cluster and listener, and most are never looked at.
 */
const CONTAINS = [
  "_rq",
  "rq_time",
  "cx_active",
  "cx_connect",
  "cx_total",
  "cx_destroy",
  "cx_length_ms",
  "bytes",
  "timeout",
  "health_check",
  "lb_healthy_panic",
  "membership_",
  "error",
  "fail",
  "reset",
  "eject",
  "overflow",
  "cancelled",
  "max_duration_reached",
  "no_cluster",
  "no_route",
  "no_filter_chain",
  "reject",
  "rbac",
  "rate_limit",
  "_injected",
  "denied",
  "allowed",
  "circuit_breakers",
  "remaining_",
  "days_until_first_cert_expiring",
  "ssl.handshake",
  "ssl_context_update_by_sds",
  "update_success",
] as const;

const PREFIXES = ["server.", "control_plane.", "listener_manager.", "cluster_manager.", "dns_"] as const;

/** `stats_config` of the bootstrap. */
export function statsConfig(kept: "trimmed" | "full"): Record<string, unknown> {
  const statsTags = [
    { tagName: "name", regex: "^grpc\\.((.+)\\.)" },
    { tagName: "status", regex: "^grpc.*streams_closed(_([0-9]+))" },
    { tagName: "kafka_name", regex: "^kafka(\\.(\\S*[0-9]))\\." },
    { tagName: "kafka_type", regex: "^kafka\\..*\\.(.*?(?=_duration|$))" },
    { tagName: "worker", regex: "(worker_([0-9]+)\\.)" },
    { tagName: "listener", regex: "((.+?)\\.)rbac\\." },
  ];
  if (kept === "full") return { statsTags };
  return {
    statsTags,
    statsMatcher: {
      inclusionList: {
        patterns: [...PREFIXES.map((prefix) => ({ prefix })), ...CONTAINS.map((contains) => ({ contains }))],
      },
    },
  };
}
