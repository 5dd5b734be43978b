import type { GatewayChainPlan, PlanCondition } from "@skein/policies";
import { gatewaysOf, isBuiltinGateway } from "../../view/gateways.ts";
import { Interned } from "../interned.ts";
import { CallPolicies, SharedCalls } from "./calls.ts";
import type { GatewayUpstreams } from "./clusters.ts";
import type { GatewayProxy, GatewaysInputs } from "./inputs.ts";
import { OneGateway, type PlannedGateway, type SharedByGateways } from "./one-gateway.ts";
import { SharedRoutes } from "./shared-routes.ts";

const NOTHING: PlannedGateway = { gateway: undefined, backends: [], conditions: [] };

/** Plans built-in gateways: what a proxy listens on, and where it sends what comes in. */
export class Gateways {
  readonly #inputs: GatewaysInputs;
  readonly #made: GatewayUpstreams;
  readonly #shared: SharedByGateways;

  constructor(inputs: GatewaysInputs, made: GatewayUpstreams) {
    this.#inputs = inputs;
    this.#made = made;
    this.#shared = {
      routes: new SharedRoutes(),
      chains: new Interned<GatewayChainPlan>(),
      callPolicies: new CallPolicies(inputs.definitions),
      calls: new SharedCalls(inputs.definitions),
    };
  }

  /** What the best MeshGateway for a proxy makes of it, and what somebody should know of that. */
  of(proxy: GatewayProxy): PlannedGateway {
    const { dataplane } = proxy;
    if (!isBuiltinGateway(dataplane)) return NOTHING;
    const [gateway, ...others] = gatewaysOf(dataplane, this.#inputs.view.gateways.get());
    if (gateway === undefined) {
      const tags = JSON.stringify(dataplane.spec.networking?.gateway?.tags ?? {});
      const message = `networking.gateway: no MeshGateway has a selector that matches ${tags}, so nothing listens`;
      return { ...NOTHING, conditions: [{ type: "NoMeshGateway", message }] };
    }
    const planned = new OneGateway(this.#inputs, this.#made, proxy, gateway, this.#shared).plan();
    const overruled = others.map(
      ({ name }): PlanCondition => ({
        type: "OverruledMeshGateway",
        message: `MeshGateway "${name}" selects this gateway too and is not served here: "${gateway.name}" has more matching tags, or is newer`,
      }),
    );
    return { ...planned, conditions: [...overruled, ...planned.conditions] };
  }
}
