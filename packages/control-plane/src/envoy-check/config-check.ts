import { hash } from "node:crypto";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import type { EnvoyValidator, EnvoyVerdict } from "./envoy-validator.ts";
import { type StandIn, standInSecrets } from "./stand-ins.ts";
import { staticBootstrap } from "./static-bootstrap.ts";
import { turns } from "./turns.ts";

type Json = Readonly<Record<string, unknown>>;

/** Shows an Envoy what a proxy would hold. `standIn` is made when it is first needed. */
export class ConfigCheck {
  readonly #validator: EnvoyValidator;
  readonly #make: () => Promise<StandIn>;
  #standIn: Promise<StandIn> | undefined;

  constructor(validator: EnvoyValidator, makeStandIn: () => Promise<StandIn>) {
    this.#validator = validator;
    this.#make = makeStandIn;
  }

  async ask(dataplane: string, config: ProxyConfig): Promise<EnvoyVerdict> {
    const turn = turns(() => performance.now());
    const list = async (fragments: ReadonlyMap<string, Fragment>): Promise<readonly Json[]> => {
      const all: Json[] = [];
      for (const fragment of fragments.values()) {
        all.push(await jsonOf(fragment));
        await turn();
      }
      return all;
    };
    const [clusters, endpoints, listeners, routes] = [
      await list(config.clusters),
      await list(config.endpoints),
      await list(config.listeners),
      await list(config.routes),
    ];
    this.#standIn ??= this.#make();
    const secrets = standInSecrets([clusters, listeners], await this.#standIn);
    return await this.#validator.validate(
      staticBootstrap(dataplane, { clusters, endpoints, listeners, routes, secrets }),
    );
  }
}

const shapes = new WeakMap<Fragment, string>();

/** What a fragment says, without names and addresses, which differ between instances of one service. */
export async function shapeOf(fragment: Fragment): Promise<string> {
  let shape = shapes.get(fragment);
  if (shape === undefined) {
    const { name, address, loadAssignment, metadata, statPrefix, altStatName, ...rest } =
      await jsonOf(fragment);
    // Routes, statistics and clusters are mostly called as the resource itself.
    const text = JSON.stringify(rest).replaceAll(fragment.name, "");
    shape = `${fragment.type} ${hash("sha1", text, "hex")}`;
    shapes.set(fragment, shape);
  }
  return shape;
}

async function jsonOf(fragment: Fragment): Promise<Json> {
  const { fragmentJson } = await import("../pipeline/config-dump.ts");
  return fragmentJson(fragment) as Json;
}
