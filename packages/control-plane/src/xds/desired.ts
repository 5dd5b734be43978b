import { emptyRuntime } from "./empty-resources.ts";
import type { Fragment, ProxyConfig } from "./fragment.ts";
import type { Subscription } from "./subscription.ts";

const EMPTY: ReadonlyMap<string, Fragment> = new Map();

/** What a proxy should hold of a subscription's type; nothing before the first config. */
export function desiredOf(
  config: ProxyConfig | undefined,
  { type, names }: Subscription,
): ReadonlyMap<string, Fragment> {
  switch (type) {
    case "cluster":
      return config?.clusters ?? EMPTY;
    case "endpoint":
      return config?.endpoints ?? EMPTY;
    case "listener":
      return config?.listeners ?? EMPTY;
    case "route":
      return config?.routes ?? EMPTY;
    case "secret":
      return config?.secrets ?? EMPTY;
    case "runtime":
      return emptyRuntime(names);
    default:
      return EMPTY;
  }
}
