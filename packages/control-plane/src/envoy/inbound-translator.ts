import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { InboundPlan, InboundSharedPlan, PolicyDefinition } from "@skein/policies";
import type { Fragment } from "../xds/fragment.ts";
import type { Encoder } from "./encoder.ts";
import { type InboundListenerParts, inboundListener, translateInbound } from "./inbound.ts";
import type { Origins } from "./origins.ts";
import { type ServedFragments, servedFragments } from "./served-fragments.ts";

/** What an inbound becomes for every proxy that shares the plan behind it. */
interface TranslatedInbound extends ServedFragments {
  /** Stands for it in keys. */
  readonly id: number;
  /** What further listeners are made of. */
  readonly parts: InboundListenerParts;
  /** KRIs of the policies behind the listeners. */
  readonly origins: readonly string[];
  /** By address, port and whatever else sets one listener apart. */
  readonly listeners: Map<string, Fragment>;
}

/** The fragments of one inbound. */
export interface TranslatedPort extends ServedFragments {
  readonly listener: Fragment;
}

/** Turns inbounds into fragments, each once for all who have it. */
export class InboundTranslator {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #encoder: Encoder;
  readonly #origins: Origins;
  readonly #made = new WeakMap<InboundSharedPlan, TranslatedInbound>();
  #lastId = 0;

  constructor(definitions: readonly PolicyDefinition[], encoder: Encoder, origins: Origins) {
    this.#definitions = definitions;
    this.#encoder = encoder;
    this.#origins = origins;
  }

  /** What an inbound becomes. */
  inbound(plan: InboundPlan, reusePort: boolean): TranslatedPort {
    const shared = this.shared(plan.shared);
    const key = `${plan.listenerName} ${plan.address} ${plan.port} ${reusePort} ${plan.redirected ?? ""} ${JSON.stringify(plan.tags)}`;
    let listener = shared.listeners.get(key);
    if (listener === undefined) {
      const message = inboundListener(plan, shared.parts, reusePort);
      listener = this.#encoder.message(
        "listener",
        plan.listenerName,
        ListenerSchema,
        message,
        shared.origins,
      );
      shared.listeners.set(key, listener);
    }
    return { cluster: shared.cluster, services: shared.services, listener, route: shared.route };
  }

  /** What inbounds become but for their listeners. */
  shared(plan: InboundSharedPlan): TranslatedInbound {
    let made = this.#made.get(plan);
    if (made === undefined) {
      const translated = translateInbound(plan, this.#definitions);
      made = {
        id: ++this.#lastId,
        parts: translated.listener,
        ...servedFragments(this.#encoder, this.#origins, plan.policies, translated),
        listeners: new Map(),
      };
      this.#made.set(plan, made);
    }
    return made;
  }
}
