import { toBinary } from "@bufbuild/protobuf";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { OutboundPlan, PolicyDefinition, UpstreamPlan } from "@skein/policies";
import { Bounded } from "../bounded.ts";
import { getOrMake } from "../get-or-make.ts";
import type { Fragment } from "../xds/fragment.ts";
import type { FragmentTable } from "../xds/fragment-table.ts";
import type { Origins } from "./origins.ts";
import { outboundListener } from "./outbound.ts";
import { type NetworkChain, UpstreamShares } from "./upstream-shares.ts";

/** The fragments of one outbound. */
export interface TranslatedOutbound {
  readonly cluster: Fragment;
  readonly listener: Fragment;
  /** Absent where traffic is bytes. */
  readonly route: Fragment | undefined;
}

/** What the way to a destination becomes for every caller that shares the plan behind it. */
interface TranslatedWay {
  readonly cluster: Fragment;
  readonly route: Fragment | undefined;
  /** KRIs of the policies behind the listeners. */
  readonly origins: readonly string[];
  readonly network: NetworkChain;
  /** Kept for ways that are like this one in some part. */
  readonly core: object;
  readonly said: object;
}

/** Of those that differ in nothing but their addresses; most callers have the same. */
const MOST_LISTENERS = 256;

/** Turns ways to destinations into fragments, each once for all who have it. */
export class Ways {
  readonly #table: FragmentTable;
  readonly #origins: Origins;
  readonly #shares: UpstreamShares;
  readonly #made = new WeakMap<UpstreamPlan, TranslatedWay>();
  readonly #listeners = new WeakMap<NetworkChain, Bounded<Fragment>>();

  constructor(definitions: readonly PolicyDefinition[], table: FragmentTable, origins: Origins) {
    this.#table = table;
    this.#origins = origins;
    this.#shares = new UpstreamShares(definitions);
  }

  /** What an outbound becomes. */
  outbound(plan: OutboundPlan, reusePort: boolean): TranslatedOutbound {
    const way = this.#way(plan.upstream);
    const key = `${plan.listenerName} ${plan.address} ${plan.port} ${reusePort} ${plan.redirected ?? ""} ${this.#table.originsKey(way.origins)}`;
    const listeners = getOrMake(this.#listeners, way.network, () => new Bounded(MOST_LISTENERS));
    let listener = listeners.get(key);
    if (listener === undefined) {
      const head = toBinary(ListenerSchema, outboundListener(plan, reusePort));
      const parts = [head, way.network.encoded()];
      listener = this.#table.intern("listener", plan.listenerName, parts, way.origins);
      listeners.set(key, listener);
    }
    return { cluster: way.cluster, listener, route: way.route };
  }

  /** The cluster of a destination that only routes lead to. */
  backend(plan: UpstreamPlan): Fragment {
    return this.#way(plan).cluster;
  }

  #way(plan: UpstreamPlan): TranslatedWay {
    let way = this.#made.get(plan);
    if (way === undefined) {
      const { cluster, routes, network, core, said } = this.#shares.translate(plan);
      const { clusterName, destination } = plan;
      const origins = this.#origins.ofWay(plan);
      const table = this.#table;
      way = {
        cluster: table.intern("cluster", clusterName, cluster, origins.cluster),
        route: routes && table.intern("route", destination.routeName, routes, origins.route),
        origins: origins.listener,
        ...{ network, core, said },
      };
      this.#made.set(plan, way);
    }
    return way;
  }
}
