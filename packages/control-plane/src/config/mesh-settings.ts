import {
  choice,
  cidr,
  cidrs,
  count,
  flag,
  names,
  port,
  section,
  settingTraits,
  text,
  time,
} from "./setting.ts";

const ADMIN = "mesh-system:admin";
const EVERYBODY = ["mesh-system:unauthenticated", "mesh-system:authenticated"] as const;

/** `access`: who may do what. */
export const accessSettings = section({
  type: choice(["static"], "static", {
    rbac: "role-based access is not in this build yet; use static",
  }),
  static: section({
    adminResources: admins(),
    generateDpToken: admins(),
    generateUserToken: admins(),
    generateZoneToken: admins(),
    viewConfigDump: section({
      users: names().register(settingTraits, { env: "KUMA_ACCESS_STATIC_GET_CONFIG_DUMP_USERS" }),
      groups: names(...EVERYBODY).register(settingTraits, {
        env: "KUMA_ACCESS_STATIC_GET_CONFIG_DUMP_GROUPS",
      }),
    }),
    viewStats: everybody(),
    viewClusters: everybody(),
    controlPlaneMetadata: everybody(),
  }),
});

function admins() {
  return section({ users: names(ADMIN), groups: names(ADMIN) });
}

function everybody() {
  return section({ users: names(), groups: names(...EVERYBODY) });
}

/** `metrics`: insights and the control plane's own metrics. */
export const metricsSettings = section({
  dataplane: section({ subscriptionLimit: count(2), idleTimeout: time("5m0s") }),
  zone: section({
    subscriptionLimit: count(10),
    idleTimeout: time("5m0s"),
    compactFinishedSubscriptions: flag(false),
  }),
  mesh: section({
    minResyncInterval: time("1s"),
    fullResyncInterval: time("20s"),
    bufferSize: count(1000),
    eventProcessors: count(1),
  }),
  controlPlane: section({ reportResourcesCount: flag(true) }),
  openTelemetry: section({
    enabled: flag(true).register(settingTraits, { env: "KUMA_METRICS_OPENTELEMETRY_ENABLED" }),
  }),
});

/** `dnsServer`: names of services inside a mesh. */
export const dnsServerSettings = section({
  domain: text("mesh"),
  CIDR: cidr("240.0.0.0/4"),
  serviceVipEnabled: flag(true),
  serviceVipPort: port(80).register(settingTraits, { env: "KUMA_DNS_SERVICE_SERVICE_VIP_PORT" }),
});

/** `ipam`: addresses that destinations get. */
export const ipamSettings = section({
  meshService: section({ cidr: cidr("241.0.0.0/8") }),
  meshExternalService: section({ cidr: cidr("242.0.0.0/8") }),
  meshMultiZoneService: section({ cidr: cidr("243.0.0.0/8") }),
  allocationInterval: time("5s"),
  knownInternalCIDRs: cidrs(
    "10.0.0.0/8",
    "192.168.0.0/16",
    "172.16.0.0/12",
    "fc00::/7",
    "fd00::/8",
    "127.0.0.1/32",
    "::1/128",
  ),
});

/** `meshService`: services that come from dataplanes. */
export const meshServiceSettings = section({
  generationInterval: time("2s"),
  deletionGracePeriod: time("1h0m0s"),
  labelPropagation: section({ enabled: flag(false), allowedLabelKeys: names() }),
});

/** `experimental` of the published settings. */
export const experimentalSettings = section({
  kubeOutboundsAsVIPs: flag(true),
  useTagFirstVirtualOutboundModel: flag(false),
  ingressTagFilters: names(),
  exposeZoneProxyMetrics: flag(false),
  kdsEventBasedWatchdog: section({
    enabled: flag(false),
    flushInterval: time("5s"),
    fullResyncInterval: time("1m0s"),
    delayFullResync: flag(false),
  }),
  autoReachableServices: flag(false),
  inboundTagsDisabled: flag(false),
  sidecarContainers: flag(true),
  deltaXds: flag(false),
});

/** `policies`: which policies are on, by their path. */
export const policiesSettings = section({
  pluginPoliciesEnabled: names(
    "meshaccesslogs",
    "meshcircuitbreakers",
    "meshfaultinjections",
    "meshhealthchecks",
    "meshhttproutes",
    "meshloadbalancingstrategies",
    "meshmetrics",
    "meshpassthroughs",
    "meshproxypatches",
    "meshratelimits",
    "meshretries",
    "meshtcproutes",
    "meshtimeouts",
    "meshtlses",
    "meshtraces",
    "meshtrafficpermissions",
  ).register(settingTraits, { env: "KUMA_PLUGIN_POLICIES_ENABLED" }),
});

/** `coreResources`: which of the other kinds are on, by their path. */
export const coreResourcesSettings = section({
  status: section({
    meshMultiZoneServiceInterval: time("5s"),
    meshServiceInterval: time("5s"),
    meshIdentityInterval: time("5s"),
    workloadInterval: time("5s"),
    meshOpenTelemetryBackendInterval: time("5s"),
  }),
  enabled: names(
    "hostnamegenerators",
    "meshexternalservices",
    "meshidentities",
    "meshmultizoneservices",
    "meshopentelemetrybackends",
    "meshservices",
    "meshtrusts",
    "meshzoneaddresses",
    "workloads",
  ),
});
