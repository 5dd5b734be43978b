import type { Fragment, XdsType } from "../fragment.ts";
import { addressOf, edsNameOf } from "../fragment-field.ts";
import type { Outgoing } from "../outgoing.ts";

/** How a model proxy judges a resource: like Envoy, by name, or by refusing the whole response without a name. */
export type Verdict = "good" | "named" | "whole";

/** What the model needs to know about resources that stands only in their content. */
export interface ModelRules {
  verdict(fragment: Fragment): Verdict;
  /** The cluster that a listener or route sends its traffic to. */
  clusterOf(listener: Fragment): string;
}

/** A simple Envoy: it applies responses, and notes every response that would have hurt a real one. */
export interface ModelProxy {
  readonly clusters: Map<string, Fragment>;
  readonly endpoints: Map<string, Fragment>;
  readonly listeners: Map<string, Fragment>;
  readonly routes: Map<string, Fragment>;
  readonly secrets: Map<string, Fragment>;
  versionOf(type: XdsType, name: string): string | undefined;
  /** EDS names whose clusters wait for them. */
  readonly warming: Set<string>;
  /** EDS names that its clusters use. */
  edsNames(): ReadonlySet<string>;
  /** Applies a response. `removed` are the resources that are to go. */
  apply(type: Outgoing["type"], upserts: readonly Fragment[], removed: readonly string[]): Applied;
  readonly violations: string[];
}

/** What came of one response. */
export interface Applied {
  /** Envoy's reason for a NACK. */
  readonly error: string | undefined;
  readonly rejected: readonly Fragment[];
}

/** A proxy without any resources. */
export function createModelProxy(rules: ModelRules): ModelProxy {
  const clusters = new Map<string, Fragment>();
  const endpoints = new Map<string, Fragment>();
  const listeners = new Map<string, Fragment>();
  const routes = new Map<string, Fragment>();
  const secrets = new Map<string, Fragment>();
  const warming = new Set<string>();
  const violations: string[] = [];

  function edsNames(): ReadonlySet<string> {
    return new Set([...clusters.values()].map(edsNameOf).filter((name) => name !== undefined));
  }

  function applyCluster(fragment: Fragment): void {
    clusters.set(fragment.name, fragment);
    const eds = edsNameOf(fragment);
    if (eds !== undefined) warming.add(eds);
  }

  function removeCluster(name: string): void {
    for (const listener of [...listeners.values(), ...routes.values()]) {
      if (rules.clusterOf(listener) === name)
        violations.push(`cluster ${name} removed under ${listener.name}`);
    }
    clusters.delete(name);
    const used = edsNames();
    for (const eds of warming) if (!used.has(eds)) warming.delete(eds);
    for (const eds of endpoints.keys()) if (!used.has(eds)) endpoints.delete(eds);
  }

  function applyListener(fragment: Fragment): string | undefined {
    for (const other of listeners.values()) {
      if (other.name !== fragment.name && addressOf(other) === addressOf(fragment)) {
        violations.push(`${fragment.name} sent beside ${other.name} on the same address`);
        return "duplicate address";
      }
    }
    listeners.set(fragment.name, fragment);
    return undefined;
  }

  return {
    clusters,
    endpoints,
    listeners,
    routes,
    secrets,
    warming,
    edsNames,
    violations,
    versionOf(type, name) {
      if (type === "cluster") return clusters.get(name)?.version;
      if (type === "listener") return listeners.get(name)?.version;
      if (type === "route") return routes.get(name)?.version;
      return (type === "endpoint" ? endpoints : secrets).get(name)?.version;
    },
    apply(type, upserts, removed) {
      const whole = upserts.find((fragment) => rules.verdict(fragment) === "whole");
      if (whole !== undefined)
        return { error: "Invalid duration: Expected positive duration", rejected: upserts };
      for (const name of removed) {
        if (type === "cluster") removeCluster(name);
        else if (type === "listener") listeners.delete(name);
        else if (type === "endpoint") warming.delete(name);
        else if (type === "route") routes.delete(name);
        else secrets.delete(name);
      }
      const failures: string[] = [];
      const rejected: Fragment[] = [];
      for (const fragment of upserts) {
        let failure =
          rules.verdict(fragment) === "named" ? "Didn't find a registered implementation" : undefined;
        if (failure === undefined) {
          if (type === "cluster") applyCluster(fragment);
          else if (type === "listener") failure = applyListener(fragment);
          else if (type === "endpoint") {
            if (edsNames().has(fragment.name)) endpoints.set(fragment.name, fragment);
            warming.delete(fragment.name);
          } else if (type === "route") routes.set(fragment.name, fragment);
          else secrets.set(fragment.name, fragment);
        }
        if (failure === undefined) continue;
        failures.push(`${fragment.name}: ${failure}`);
        rejected.push(fragment);
      }
      if (failures.length === 0) return { error: undefined, rejected };
      const text = type === "listener" ? `${failures.join("\n")}\n` : failures.join(", ");
      return { error: `Error adding/updating ${type}(s) ${text}`, rejected };
    },
  };
}
