import type { EgressChainPlan, EgressPlan, PolicyDefinition } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Fragment } from "../xds/fragment.ts";
import { egressListener, translateEgressChain } from "./egress.ts";
import { chainField, type EncodedChain, type Encoder } from "./encoder.ts";
import type { Origins } from "./origins.ts";
import { type ServedFragments, servedFragments } from "./served-fragments.ts";

/** What the way of one service through an egress becomes for all egresses that share the plan behind it. */
interface TranslatedEgressChain extends ServedFragments, EncodedChain {}

/** The fragments of a listener by which others leave the mesh. */
export interface TranslatedEgress {
  /** Absent where it leads nowhere: the port stays closed. */
  readonly listener: Fragment | undefined;
  readonly chains: readonly ServedFragments[];
}

/** Turns ways through egresses into fragments, each once for all who have it. */
export class EgressTranslator {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #encoder: Encoder;
  readonly #origins: Origins;
  readonly #chains = new WeakMap<EgressChainPlan, TranslatedEgressChain>();
  readonly #listeners = new WeakMap<EgressPlan, Map<boolean, Fragment>>();

  constructor(definitions: readonly PolicyDefinition[], encoder: Encoder, origins: Origins) {
    this.#definitions = definitions;
    this.#encoder = encoder;
    this.#origins = origins;
  }

  /** What a listener becomes by which others leave the mesh, with a cluster and routes for each service outside. */
  egress(plan: EgressPlan, reusePort: boolean): TranslatedEgress {
    const chains = plan.chains.map((each) => this.#chain(each));
    const byPort = getOrMake(this.#listeners, plan, () => new Map());
    let listener = byPort.get(reusePort);
    if (listener === undefined && chains.length > 0) {
      const origins = [...new Set(chains.flatMap((each) => each.origins))].sort();
      listener = this.#encoder.listener(egressListener(plan, reusePort), chains, origins);
      byPort.set(reusePort, listener);
    }
    return { listener, chains };
  }

  #chain(plan: EgressChainPlan): TranslatedEgressChain {
    let made = this.#chains.get(plan);
    if (made === undefined) {
      const { chain, ...translated } = translateEgressChain(plan, this.#definitions);
      made = {
        ...servedFragments(this.#encoder, this.#origins, plan.policies, translated),
        chain: chainField(chain),
      };
      this.#chains.set(plan, made);
    }
    return made;
  }
}
