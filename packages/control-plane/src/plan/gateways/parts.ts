import type {
  GatewayChainPlan,
  GatewayHostPlan,
  GatewayPortPlan,
  PolicyPlans,
  ProxyPlan,
} from "@skein/policies";

/** A listener of a built-in gateway, with where it is. */
export interface GatewayPart {
  readonly port: GatewayPortPlan;
  readonly chain: GatewayChainPlan;
  readonly host: GatewayHostPlan;
  /** What policies say of it, its routes among them. */
  readonly policies: PolicyPlans;
}

/** Every listener of a built-in gateway; none where a proxy is no such. */
export function gatewayParts({ gateway }: Pick<ProxyPlan, "gateway">): readonly GatewayPart[] {
  return (gateway?.ports ?? []).flatMap((port) =>
    port.chains.flatMap((chain) =>
      chain.hosts.map((host) => ({
        ...{ port, chain, host },
        policies: { ...chain.policies, ...host.policies, ...routesOf(host) },
      })),
    ),
  );
}

/** Routes as the entries of other proxies have them. */
function routesOf({ virtualHosts, connections, references }: GatewayHostPlan): PolicyPlans {
  const routes = virtualHosts.flatMap((host) => host.routes);
  return {
    ...(routes.length === 0 ? {} : { MeshHTTPRoute: { routes, references } }),
    ...(connections === undefined ? {} : { MeshTCPRoute: connections }),
  };
}
