import { type GatewayChainPlan, gatewayRoutes } from "@skein/policies";
import { getOrMake } from "../../get-or-make.ts";
import type { PolicySet } from "../../view/policy-set.ts";

type GatewayRoutes = ReturnType<typeof gatewayRoutes>;

/** The routes of listeners, made once for all gateways that serve the same; there may be thousands. */
export class SharedRoutes {
  readonly #bySet = new WeakMap<PolicySet, Map<string, GatewayRoutes>>();
  readonly #ids = new WeakMap<object, number>();
  #lastId = 0;

  /** What the MeshHTTPRoutes of a set say of a listener. @param onPort host names of all listeners of its port */
  of(set: PolicySet, hostname: string, onPort: readonly string[]): GatewayRoutes {
    const policies = set.byKind.get("MeshHTTPRoute");
    // The set without any policy lives for ever, and what is kept for it would, too.
    if (policies === undefined) return gatewayRoutes([], hostname, onPort);
    const made = getOrMake(this.#bySet, set, () => new Map());
    const key = JSON.stringify([hostname, onPort]);
    let routes = made.get(key);
    if (routes === undefined) {
      routes = gatewayRoutes(policies, hostname, onPort);
      made.set(key, routes);
      for (const part of [routes.virtualHosts, routes.references]) this.#idOf(part);
    }
    return routes;
  }

  /** Equal for chains that are equal. Routes from here and destinations are known by what object they are. */
  keyOf(chain: GatewayChainPlan): string {
    return JSON.stringify(chain, (field, value: unknown) => {
      if (typeof value !== "object" || value === null) return value;
      return field === "destination" ? this.#idOf(value) : (this.#ids.get(value) ?? value);
    });
  }

  #idOf(value: object): number {
    return getOrMake(this.#ids, value, () => ++this.#lastId);
  }
}
