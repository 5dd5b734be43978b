import type { NewResource, Resource } from "@skein/model";
import { child, isRecord, records, stringRecord } from "../insights/fields.ts";

const ZONE_TAG = "kuma.io/zone";

/**
 * A Dataplane as it is stored: every inbound and the gateway carry the tag of this zone. Inbounds without any tag stay
 * without in a mesh whose services are all MeshServices (`meshServices.mode: Exclusive`), where tags do not count.
 */
export function withZoneTags<R extends NewResource>(
  dataplane: R,
  mesh: Resource | undefined,
  zone: string,
): R {
  const networking = child(dataplane.spec, "networking");
  const { inbound, gateway } = networking;
  if (zone === "" || (inbound === undefined && gateway === undefined)) return dataplane;
  const isExclusive = child(mesh?.spec, "meshServices").mode === "Exclusive";
  const tagged = (part: Readonly<Record<string, unknown>>) => {
    const tags = stringRecord(part.tags);
    if (isExclusive && Object.keys(tags).length === 0) return part;
    return { ...part, tags: { ...tags, [ZONE_TAG]: zone } };
  };
  const spec = {
    ...(isRecord(dataplane.spec) ? dataplane.spec : {}),
    networking: {
      ...networking,
      ...(inbound === undefined ? {} : { inbound: records(inbound).map(tagged) }),
      ...(isRecord(gateway) ? { gateway: tagged(gateway) } : {}),
    },
  };
  return { ...dataplane, spec };
}
