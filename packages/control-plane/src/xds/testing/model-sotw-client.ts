import type { Outgoing } from "../outgoing.ts";
import type { SotwRequest } from "../request.ts";
import { typeOfUrl, typeUrlOf } from "../type-url.ts";
import { createModelProxy, type ModelProxy, type ModelRules } from "./model-proxy.ts";

type Type = "cluster" | "endpoint" | "listener" | "route" | "secret";

/** A model proxy that speaks state-of-the-world ADS as Envoy 1.40 does. */
export interface ModelSotwClient {
  readonly proxy: ModelProxy;
  connect(): readonly SotwRequest[];
  receive(response: Outgoing): readonly SotwRequest[];
  /** Listeners that were replaced have drained: nobody uses the route that they had, and then others ask for it. */
  drained(): readonly SotwRequest[];
}

/** As the delta model: CDS answers wait for warm clusters; EDS is asked for again whenever the clusters change. */
export function createModelSotwClient(rules: ModelRules): ModelSotwClient {
  const proxy = createModelProxy(rules);
  const versions: Record<Type, string> = { cluster: "", endpoint: "", listener: "", route: "", secret: "" };
  const nonces: Record<Type, string> = { cluster: "", endpoint: "", listener: "", route: "", secret: "" };
  let clustersSeen = false;
  let listenersAsked = false;
  let withheld: SotwRequest[] = [];

  function names(type: Type): readonly string[] {
    if (type === "endpoint") return [...proxy.edsNames()];
    if (type === "route") return ["rt"];
    return type === "secret" ? ["s0", "s1"] : [];
  }

  function request(type: Type, message?: string): SotwRequest {
    return {
      node: undefined,
      typeUrl: typeUrlOf(type),
      versionInfo: versions[type],
      names: names(type),
      nonce: nonces[type],
      error: message === undefined ? undefined : { code: 13, message },
    };
  }

  function release(): SotwRequest[] {
    if (proxy.warming.size > 0) return [];
    const out = withheld;
    withheld = [];
    if (!listenersAsked && clustersSeen) {
      listenersAsked = true;
      out.push(request("listener"), request("route"));
    }
    return out;
  }

  return {
    proxy,
    connect() {
      withheld = [];
      for (const type of ["cluster", "endpoint", "listener", "route", "secret"] as const) nonces[type] = "";
      listenersAsked ||= clustersSeen && proxy.warming.size === 0;
      const out = [request("cluster")];
      if (listenersAsked) out.push(request("listener"), request("route"));
      if (proxy.edsNames().size > 0) out.push(request("endpoint"));
      out.push(request("secret"));
      return out;
    },
    drained() {
      if (!listenersAsked) return [];
      proxy.routes.delete("rt");
      return [{ ...request("route"), names: [] }, request("route")];
    },
    receive(response) {
      const type = typeOfUrl(response.typeUrl);
      if (
        type !== "cluster" &&
        type !== "endpoint" &&
        type !== "listener" &&
        type !== "route" &&
        type !== "secret"
      )
        return [];
      const { resources } = response;
      const sent = new Set(resources.map(({ name }) => name));
      const all = type === "cluster" ? proxy.clusters : type === "listener" ? proxy.listeners : undefined;
      const removed = [...(all?.keys() ?? [])].filter((name) => !sent.has(name));
      const changed = resources.filter(
        ({ name, version }) => all === undefined || proxy.versionOf(type, name) !== version,
      );
      for (const fragment of type === "listener" || type === "route" ? changed : []) {
        if (!proxy.clusters.has(rules.clusterOf(fragment)))
          proxy.violations.push(`${fragment.name} before its cluster`);
      }
      const { error } = proxy.apply(type, changed, removed);
      nonces[type] = response.nonce;
      if (error === undefined) versions[type] = response.versionInfo;
      const answer = request(type, error);
      if (type !== "cluster") return [answer, ...release()];
      clustersSeen = true;
      withheld.push(answer);
      return [...(changed.length + removed.length > 0 ? [request("endpoint")] : []), ...release()];
    },
  };
}
