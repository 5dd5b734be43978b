import type { DataplaneInsightSpec, Resource, ResourceKey } from "@skein/model";
import type { Store, Write } from "../store/store.ts";
import { timestamp } from "../store/timestamp.ts";

/**
 * Closes the subscriptions that a killed control plane left open, so that its proxies do not look connected for ever.
 * `isAlive` tells by instance id which control planes still serve. Call it before the xDS server accepts streams.
 *
 * @returns the proxies that were connected to one that is gone, as `<mesh>/<name>`
 * @throws StoreError
 */
export async function closeAbandonedSubscriptions(
  store: Store,
  isAlive: (instanceId: string) => boolean,
  now: number,
): Promise<ReadonlySet<string>> {
  const disconnectTime = timestamp(now);
  const insights = store.list<Resource<DataplaneInsightSpec>>({ type: "DataplaneInsight" });
  const writes = insights.flatMap((insight): readonly Write[] => {
    const before = insight.spec.subscriptions ?? [];
    const subscriptions = before.map((each) =>
      each.disconnectTime === undefined && !isAlive(each.controlPlaneInstanceId ?? "")
        ? { ...each, disconnectTime }
        : each,
    );
    if (subscriptions.every((each, index) => each === before[index])) return [];
    const { creationTime: _, modificationTime: __, revision, ...rest } = insight;
    return [
      { op: "update", resource: { ...rest, spec: { ...insight.spec, subscriptions } }, ifRevision: revision },
    ];
  });
  if (writes.length > 0) await store.write(writes);
  return new Set(
    writes.flatMap((write) =>
      write.op === "update" ? [`${write.resource.mesh}/${write.resource.name}`] : [],
    ),
  );
}

/** The proxies that brought their Dataplane along when they were last connected, as far as it is still there. */
export function selfRegistered(store: Store): readonly ResourceKey[] {
  return store.list<Resource<DataplaneInsightSpec>>({ type: "DataplaneInsight" }).flatMap((insight) => {
    const { mesh, name, spec } = insight;
    const key = { type: "Dataplane", mesh, name };
    return spec.metadata?.["dataplane.resource"] && store.get(key) !== undefined ? [key] : [];
  });
}
