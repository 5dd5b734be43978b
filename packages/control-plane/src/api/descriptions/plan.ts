import type {
  BackendClusterPlan,
  EgressPlan,
  EndpointsView,
  ExternalPlan,
  InboundPlan,
  InboundSharedPlan,
  OutboundPlan,
  ProxyPlan,
  UpstreamPlan,
} from "@skein/policies";
import * as z from "zod";
import { describes } from "./describes.ts";
import { gatewayHost, gatewayPlan } from "./gateway-plan.ts";
import { json, NO_RESOURCE } from "./parts.ts";
import { backendPlan, destination, destinationKey, policies, protocol } from "./plan-parts.ts";
import type { Topic } from "./topic.ts";

const text = z.string();
const texts = z.array(text);
const tags = z.record(text, text);
const secrets = { certificateSecret: text, validationSecret: text };

const address = z.union([
  z.object({ socket: text }),
  z.object({ host: text, port: z.int(), isName: z.boolean() }),
]);
const tlsVersion = z.enum(["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"]);
const external = describes<ExternalPlan>()(
  z.object({
    endpoints: z.array(z.intersection(address, z.object({ priority: z.int(), subZone: text }))),
    family: z.enum(["v4", "v4-preferred"]),
    tls: z
      .object({
        min: tlsVersion,
        max: tlsVersion,
        allowRenegotiation: z.boolean(),
        sni: text.exactOptional(),
        authorities: z.union([z.object({ secret: text }), z.object({ file: text })]).exactOptional(),
        sans: z.array(z.object({ match: z.enum(["exact", "prefix"]), value: text })),
        clientSecret: text.exactOptional(),
      })
      .exactOptional(),
    problem: text.exactOptional().describe("Why nothing can be sent there now."),
    warning: text.exactOptional(),
  }),
);

const upstream = describes<Omit<UpstreamPlan, "core" | "said">>()(
  z.object({
    destination,
    clusterName: text,
    tls: z.object({ ...secrets, sni: text, serverIds: texts }).exactOptional(),
    external: external.exactOptional(),
    callerTags: text.exactOptional(),
    policies,
    backends: z
      .record(text, backendPlan)
      .describe("Other destinations that policies send traffic to, by the key of their reference."),
  }),
);

const view = describes<EndpointsView>()(
  z.object({
    affinity: z.array(z.object({ key: text, value: text, weight: z.number() })),
    isWeighted: z.boolean(),
    otherZones: z.array(z.object({ priority: z.int(), zones: texts, except: z.boolean() })),
    overprovisioningFactor: z.number().exactOptional(),
    policies: texts,
  }),
);

const outbound = describes<OutboundPlan>()(
  z.object({
    listenerName: text,
    address: text,
    port: z.int(),
    target: destinationKey,
    upstream,
    view: view.exactOptional(),
    redirected: z.literal(true).exactOptional(),
  }),
);

const backend = describes<BackendClusterPlan>()(
  z.object({ target: destinationKey, upstream, view: view.exactOptional() }),
);

const inboundTls = z.object({
  mode: z.enum(["off", "permissive", "strict"]),
  ...secrets,
  trustDomains: texts,
});
const serving = {
  protocol,
  clusterName: text,
  routeName: text,
  virtualHost: text,
  statPrefix: text,
  policies,
};
const shared = describes<InboundSharedPlan>()(
  z.object({
    ...serving,
    tls: inboundTls.exactOptional(),
    service: z.object({ address: text, port: z.int() }),
    source: text.exactOptional(),
  }),
);
const listener = { section: text, kri: text, listenerName: text, address: text, port: z.int() };
const inbound = describes<InboundPlan>()(
  z.object({ ...listener, tags, shared, redirected: z.literal(true).exactOptional() }),
);
const egress = describes<EgressPlan>()(
  z.object({
    ...listener,
    chains: z.array(z.object({ ...serving, tls: inboundTls, destination, external })),
  }),
);

const plan = describes<ProxyPlan>()(
  z.object({
    mesh: text,
    name: text,
    kri: text,
    zone: text,
    labels: tags,
    address: text,
    naming: z.enum(["legacy", "unified"]),
    identity: z
      .object({ kind: z.enum(["mesh-identity", "mesh-mtls"]), issuer: text, uris: texts, ...secrets })
      .exactOptional(),
    admin: z
      .object({
        name: text,
        address: text,
        port: z.int(),
        target: z.union([z.object({ socket: text }), z.object({ address: text, port: z.int() })]),
      })
      .exactOptional(),
    transparent: z
      .object({
        outboundPort: z.int().exactOptional(),
        inboundPort: z.int().exactOptional(),
        ipv6: z.boolean(),
        passthrough: z.boolean(),
        strictPorts: z.boolean(),
        serviceless: z.boolean(),
      })
      .exactOptional(),
    directAccess: z
      .array(
        z.object({
          address: text,
          port: z.int(),
          tls: z.object({ ...secrets, trustDomains: texts }).exactOptional(),
        }),
      )
      .exactOptional(),
    dns: z
      .object({ name: text, socket: text, records: z.array(z.object({ name: text, ips: texts })) })
      .exactOptional(),
    inbounds: z.array(inbound),
    egresses: z.array(egress).exactOptional(),
    gateway: gatewayPlan.exactOptional(),
    outbounds: z.array(outbound),
    backends: z.array(backend),
    policies,
    conditions: z.array(z.object({ type: text, message: text })),
  }),
);

/** All that one proxy should do, and why. */
export const PLAN: Topic = {
  paths: {
    "/meshes/{mesh}/dataplanes/{name}/_plan": {
      get: {
        ...{ id: "getPlan", tag: "Plan" },
        summary: "All that a proxy should do, and for each field the policy and the rule that it came from",
        answers: { 200: json("ProxyPlan", "The plan."), 404: NO_RESOURCE },
      },
    },
  },
  schemas: {
    ProxyPlan: plan,
    InboundPlan: inbound,
    EgressPlan: egress,
    OutboundPlan: outbound,
    BackendPlan: backend,
    UpstreamPlan: upstream,
    DestinationPlan: destination,
    ExternalPlan: external,
    EndpointsView: view,
    GatewayPlan: gatewayPlan,
    GatewayHostPlan: gatewayHost,
  },
};
