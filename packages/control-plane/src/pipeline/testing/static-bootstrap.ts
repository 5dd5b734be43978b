import { mapStrings, unnamed } from "./certificates.ts";

type Json = Readonly<Record<string, unknown>>;

/** One dataplane of a golden `envoy.yaml`. */
export interface GoldenConfig {
  readonly clusters: readonly Json[];
  readonly endpoints: readonly Json[];
  readonly listeners: readonly Json[];
  readonly routes: readonly Json[];
  readonly secrets: readonly Json[];
}

/**
 * The same configuration without a control plane: what Envoy would fetch by name stands where the name was. Endpoints
 * move into their clusters, routes into their listeners, and secrets beside them.
 */
export function staticBootstrap(node: string, config: GoldenConfig): unknown {
  const endpoints = new Map(config.endpoints.map((each) => [each.clusterName, each]));
  const routes = new Map(config.routes.map((each) => [each.name, each]));
  const bootstrap = {
    node: { id: node, cluster: node },
    staticResources: {
      clusters: config.clusters.map(({ edsClusterConfig, ...cluster }) =>
        edsClusterConfig === undefined
          ? cluster
          : { ...cluster, type: "STATIC", loadAssignment: endpoints.get(cluster.name) },
      ),
      listeners: config.listeners,
      secrets: config.secrets,
    },
  };
  const complete = replaceObjects(bootstrap, ({ rds, sdsConfig, ...rest }) => {
    if (rds === undefined) return rest;
    return { ...rest, routeConfig: routes.get(Reflect.get(Object(rds), "routeConfigName")) };
  });
  return mapStrings(complete, (text, key) =>
    key === "inlineBytes" ? Buffer.from(unnamed(text)).toString("base64") : text,
  );
}

function replaceObjects(value: unknown, replace: (object: Json) => Json): unknown {
  if (Array.isArray(value)) return value.map((item) => replaceObjects(item, replace));
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.entries(value).map(([key, each]) => [key, replaceObjects(each, replace)]);
  return replace(Object.fromEntries(inner));
}
