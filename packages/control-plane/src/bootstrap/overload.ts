import type { BootstrapRequest } from "./request.ts";

/** How many connections strangers may hold open at a gateway, in all. */
const MAX_CONNECTIONS = 50_000;
const HEAP = "envoy.resource_monitors.fixed_heap";
/** Shares of the memory at which Envoy gives some back, and at which it takes no more requests. */
const SHRINK_AT = 0.95;
const STOP_AT = 0.98;

/** What keeps an Envoy alive to which strangers open connections: a limit of these, and of memory where one is known. */
export function overloadManager({ resources }: Pick<BootstrapRequest, "resources">): Record<string, unknown> {
  const maxHeapSizeBytes = resources?.maxHeapSizeBytes ?? 0;
  const connections = {
    name: "envoy.resource_monitors.global_downstream_max_connections",
    typedConfig: {
      "@type":
        "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
      maxActiveDownstreamConnections: MAX_CONNECTIONS,
    },
  };
  const refreshInterval = "0.250s";
  if (maxHeapSizeBytes === 0) return { refreshInterval, resourceMonitors: [connections] };
  const heap = {
    name: HEAP,
    typedConfig: {
      "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
      maxHeapSizeBytes,
    },
  };
  const at = (value: number) => [{ name: HEAP, threshold: { value } }];
  return {
    refreshInterval,
    resourceMonitors: [connections, heap],
    actions: [
      { name: "envoy.overload_actions.shrink_heap", triggers: at(SHRINK_AT) },
      { name: "envoy.overload_actions.stop_accepting_requests", triggers: at(STOP_AT) },
    ],
  };
}
