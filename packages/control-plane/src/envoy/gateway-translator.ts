import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import type { GatewayChainPlan, GatewayPortPlan, PolicyDefinition } from "@skein/policies";
import type { HttpRoutePlan } from "@skein/policies/mesh-http-route/plan";
import type { Fragment } from "../xds/fragment.ts";
import { chainField, type EncodedChain, type Encoder } from "./encoder.ts";
import { gatewayListener, translateGatewayChain } from "./gateway.ts";
import type { Origins, ShapedType } from "./origins.ts";
import type { ServedFragments } from "./served-fragments.ts";

/** What a chain of a built-in gateway becomes for all gateways that share the plan behind it. */
interface TranslatedGatewayChain extends Omit<ServedFragments, "cluster">, EncodedChain {}

/** The fragments of a port of a built-in gateway. */
export interface TranslatedGatewayPort {
  readonly listener: Fragment;
  readonly chains: readonly Omit<ServedFragments, "cluster">[];
}

/** Turns ports of built-in gateways into fragments, their chains once for all who have them. */
export class GatewayTranslator {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #encoder: Encoder;
  readonly #origins: Origins;
  readonly #chains = new WeakMap<GatewayChainPlan, TranslatedGatewayChain>();

  constructor(definitions: readonly PolicyDefinition[], encoder: Encoder, origins: Origins) {
    this.#definitions = definitions;
    this.#encoder = encoder;
    this.#origins = origins;
  }

  /** What a port of a built-in gateway becomes. @param kri of the MeshGateway */
  port(plan: GatewayPortPlan, kri: string, reusePort: boolean): TranslatedGatewayPort {
    const chains = plan.chains.map((each) => this.#chain(each));
    const origins = [...new Set([kri, ...chains.flatMap((each) => each.origins)])].sort();
    return { listener: this.#encoder.listener(gatewayListener(plan, reusePort), chains, origins), chains };
  }

  #chain(plan: GatewayChainPlan): TranslatedGatewayChain {
    let made = this.#chains.get(plan);
    if (made === undefined) {
      const { chain, services, routes } = translateGatewayChain(plan, this.#definitions);
      const entries = [
        plan.policies,
        ...plan.hosts.flatMap(({ policies, calls }) => [
          policies,
          ...Object.values(calls.byDestination),
          ...(calls.shared === undefined ? [] : [calls.shared]),
        ]),
      ];
      const origins = (of: ShapedType) => entries.flatMap((each) => this.#origins.of(each, of));
      const named = plan.hosts.flatMap(({ virtualHosts }) =>
        virtualHosts.flatMap((host) => host.routes.flatMap((route) => routeOrigins(route))),
      );
      const split = plan.hosts.flatMap(({ connections }) =>
        (connections?.backends ?? []).map(({ origin }) => origin.policy),
      );
      const sorted = (list: readonly string[]) => [...new Set(list)].sort();
      made = {
        services: services.map(({ cluster, askedBy }) => {
          const asking = entries.flatMap((each) => this.#origins.ofKind(each, askedBy, "listener"));
          return this.#encoder.message("cluster", cluster.name, ClusterSchema, cluster, sorted(asking));
        }),
        route:
          routes &&
          this.#encoder.message(
            "route",
            routes.name,
            RouteConfigurationSchema,
            routes,
            sorted([...named, ...origins("route")]),
          ),
        chain: chainField(chain),
        origins: sorted([...split, ...origins("listener")]),
      };
      this.#chains.set(plan, made);
    }
    return made;
  }
}

function routeOrigins({ policy, origins }: HttpRoutePlan): readonly string[] {
  return [policy, ...Object.values(origins).map((origin) => origin.policy)];
}
