import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";

const destination = {
  kind: "MeshService" as const,
  mesh: "default",
  name: "api",
  kri: "kri_msvc_default_zone-1__api_http",
  labels: { team: "a" },
  port: 8081,
  portName: "http",
  protocol: "http" as const,
  sni: "sni.msvc.default.zone-1.api.http",
  serverIds: [],
  legacyName: "api",
  routeName: "kri_msvc_default_zone-1__api_http",
};

const timeout = {
  conf: { idleTimeout: "20s" },
  origins: { idleTimeout: { policy: "kri_mt_default_zone-1__t_", rule: "to[1]" } },
};

/** The plan of a Dataplane `web-1`: one inbound, one outbound, a time-out, a permission. */
export const webPlan: ProxyPlan = {
  mesh: "default",
  name: "web-1",
  kri: "kri_dp_default_zone-1__web-1_",
  zone: "zone-1",
  labels: { app: "web" },
  address: "127.0.0.1",
  naming: "unified",
  identity: {
    kind: "mesh-identity",
    issuer: "kri_mid_default_zone-1__id_",
    uris: ["spiffe://default.mesh.local/web"],
    certificateSecret: "c",
    validationSecret: "v",
  },
  admin: undefined,
  transparent: undefined,
  dns: undefined,
  inbounds: [
    {
      section: "main",
      kri: "kri_dp_default_zone-1__web-1_main",
      listenerName: "self_inbound_dp_main",
      address: "127.0.0.1",
      port: 8080,
      tags: { "kuma.io/service": "web" },
      shared: {
        protocol: "http",
        service: { address: "127.0.0.1", port: 80 },
        clusterName: "self_inbound_dp_main",
        routeName: "r",
        virtualHost: "v",
        statPrefix: "s",
        tls: undefined,
        policies: {
          MeshTimeout: timeout,
          MeshTrafficPermission: {
            model: "identity",
            deny: [],
            allowWithShadowDeny: [],
            allow: [
              {
                matches: [{ spiffeID: { type: "Exact", value: "spiffe://default.mesh.local/api" } }],
                origin: { policy: "kri_mtp_default_zone-1__p_", rule: "rules[0]" },
              },
            ],
          },
        },
      },
    },
  ],
  outbounds: [
    {
      listenerName: "outbound",
      address: "127.0.0.1",
      port: 10001,
      target: "api|8081",
      upstream: {
        destination,
        clusterName: destination.kri,
        tls: undefined,
        backends: {},
        policies: { MeshTimeout: timeout },
      },
    },
  ],
  backends: [],
  policies: {},
  conditions: [],
};
