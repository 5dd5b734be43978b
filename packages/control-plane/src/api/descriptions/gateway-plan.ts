import type {
  GatewayChainPlan,
  GatewayHostPlan,
  GatewayPlan,
  GatewayPortPlan,
} from "@skein/policies/plan/gateway-plan";
import * as z from "zod";
import { describes } from "./describes.ts";
import { backendPlan, policies } from "./plan-parts.ts";

const text = z.string();
const tags = z.record(text, text);
const protocol = z.enum(["HTTP", "HTTPS", "TCP", "TLS"]);

/** Routes and references are the routing policies' own: their shape is that of the plan's other routes. */
const routing = z.any();

/** One listener of a MeshGateway. */
export const gatewayHost = describes<GatewayHostPlan>()(
  z.object({
    section: text,
    hostname: text,
    tags,
    policies,
    calls: z.object({ byDestination: z.record(text, policies), shared: policies.exactOptional() }),
    virtualHosts: z.array(z.object({ hostname: text, routes: z.array(routing) })),
    connections: routing.optional(),
    references: z.array(routing),
    backends: z.record(text, backendPlan),
  }),
);

const chain = describes<GatewayChainPlan>()(
  z.object({
    name: text,
    serverName: text.exactOptional().describe("Absent: every connection."),
    protocol,
    certificates: z.array(text).exactOptional().describe("Absent: TLS does not end here."),
    connectionLimit: z.int().exactOptional(),
    policies,
    hosts: z.array(gatewayHost),
    callerTags: text.exactOptional(),
    misdirected: z.array(text),
  }),
);

const port = describes<GatewayPortPlan>()(
  z.object({ listenerName: text, address: text, port: z.int(), protocol, chains: z.array(chain) }),
);

/** What a MeshGateway makes of a proxy. */
export const gatewayPlan = describes<GatewayPlan>()(
  z.object({ name: text, kri: text, ports: z.array(port) }),
);
