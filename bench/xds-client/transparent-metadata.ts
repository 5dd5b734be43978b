import type { JsonObject } from "@bufbuild/protobuf";
import { features } from "@skein/data-plane/bootstrap-request";
import { resolveOptions } from "@skein/data-plane/options";
import { readTransparentProxy } from "@skein/data-plane/transparent-proxy";

/** What a launcher of this system that was started with `--transparent-proxy --unified-naming` says of itself. */
const SAID = said();

/**
 * Node metadata in which a transparent proxy differs from others, for `launcherMetadata`. Each has a work directory of
 * its own, and by it a listener of its own over which its launcher reads the names of the mesh.
 */
export function transparentMetadata(index: number): JsonObject {
  return { ...SAID, workdir: `/tmp/kuma-dp-${index}` };
}

function said(): JsonObject {
  const outcome = resolveOptions({ transparentProxy: true, unifiedNaming: true, name: "simulated" }, {});
  if (outcome.kind !== "ok") throw new Error(`the launcher refuses its flags: ${JSON.stringify(outcome)}`);
  const { proxy, dnsPort } = readTransparentProxy([], {});
  return {
    "dataplane.dns.port": String(dnsPort ?? outcome.options.dns?.port),
    features: features(outcome.options),
    transparentProxy: JSON.parse(JSON.stringify(proxy)),
  };
}
