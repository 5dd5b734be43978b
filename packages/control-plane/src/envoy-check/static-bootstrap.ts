type Json = Readonly<Record<string, unknown>>;

/** The resources of one proxy as JSON. */
export interface ConfigJson {
  readonly clusters: readonly Json[];
  readonly endpoints: readonly Json[];
  readonly listeners: readonly Json[];
  readonly routes: readonly Json[];
  readonly secrets: readonly Json[];
}

/**
 * The same configuration without a control plane: what Envoy would fetch by name from us stands where the name was.
 * Endpoints move into their clusters, routes into their listeners, and secrets beside them.
 */
export function staticBootstrap(node: string, config: ConfigJson): Json {
  const endpoints = new Map(config.endpoints.map((each) => [each.clusterName, each]));
  const routes = new Map(config.routes.map((each) => [each.name, each]));
  const bootstrap = {
    node: { id: node, cluster: node },
    staticResources: {
      clusters: config.clusters.map(({ edsClusterConfig, ...cluster }) => {
        if (edsClusterConfig === undefined) return cluster;
        if (!isOurs(Reflect.get(Object(edsClusterConfig), "edsConfig")))
          return { ...cluster, edsClusterConfig };
        const name = Reflect.get(Object(edsClusterConfig), "serviceName") ?? cluster.name;
        const loadAssignment = endpoints.get(name) ?? { clusterName: name };
        return { ...cluster, type: "STATIC", loadAssignment };
      }),
      listeners: config.listeners,
      secrets: config.secrets,
    },
  };
  return replaceObjects(bootstrap, (object) => {
    const { rds, sdsConfig, ...rest } = object;
    if (isOurs(sdsConfig)) return rds === undefined ? rest : { ...rest, rds };
    if (rds === undefined || !isOurs(Reflect.get(Object(rds), "configSource"))) return object;
    return { ...rest, routeConfig: routes.get(Reflect.get(Object(rds), "routeConfigName")) };
  }) as Json;
}

/** Whether a source of configuration is the stream of the control plane. */
function isOurs(source: unknown): boolean {
  return Reflect.get(Object(source), "ads") !== undefined;
}

/** A copy of JSON with every object, the innermost first, replaced. */
export function replaceObjects(value: unknown, replace: (object: Json) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => replaceObjects(item, replace));
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.entries(value).map(([key, each]) => [key, replaceObjects(each, replace)]);
  return replace(Object.fromEntries(inner));
}
