import { World } from "@skein/control-plane/pipeline/world";
import { nodeFacts } from "@skein/control-plane/plan/node-facts";
import type { Change } from "@skein/control-plane/store/store";
import type { ProxyConfig } from "@skein/control-plane/xds/fragment";
import { FragmentTable } from "@skein/control-plane/xds/fragment-table";
import { MESH } from "../fanout/mesh-model.ts";
import { launcherMetadata } from "../xds-client/client.ts";
import type { PureMesh } from "./pure-mesh.ts";

const ISSUER = "kri_mid_default_zone-1__identity_";

/**
 * The pure part of a control plane with all proxies connected: resources and facts in, configurations out. No store, no
 * network, no streams.
 */
export class PlannedWorld {
  readonly #world = new World({ zone: "zone-1", table: new FragmentTable() });
  readonly #configs = new Map<string, ProxyConfig>();
  #stale = new Set<string>();

  /** Everything is known, nothing is planned. */
  constructor({ model, snapshot, certificates }: PureMesh) {
    const mesh = this.#mesh();
    const facts = nodeFacts(launcherMetadata({}));
    mesh.stage.set(ISSUER, "enforced");
    for (const { name } of model) {
      mesh.node.set(name, facts);
      mesh.certificate.set(name, ISSUER, certificates.get(name));
      this.#world.graph.observe(mesh.config.at(name), () => this.#stale.add(name));
      this.#stale.add(name);
    }
    this.#world.apply(snapshot);
  }

  /** Takes a change in and plans what it may have touched. Returns how many configurations came out different. */
  take(changes: readonly Change[]): number {
    this.#world.apply(changes);
    return this.plan();
  }

  /** Plans what is stale, as a planning cycle does. */
  plan(): number {
    const stale = this.#stale;
    this.#stale = new Set();
    let different = 0;
    for (const name of stale) {
      const config = this.#mesh().config.at(name).get();
      if (config === undefined || config.missing.length > 0) {
        throw new Error(`the configuration of ${name} lacks ${config?.missing.join(", ") ?? "everything"}`);
      }
      if (this.#configs.get(name) !== config) different += 1;
      this.#configs.set(name, config);
    }
    this.#world.graph.sweep();
    return different;
  }

  configs(): readonly ProxyConfig[] {
    return [...this.#configs.values()];
  }

  #mesh() {
    return this.#world.mesh(MESH);
  }
}
