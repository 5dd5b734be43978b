import type { KindDefinition, Registry } from "@skein/model";
import * as z from "zod";
import { HOSTNAME_KINDS, selectsDataplanes } from "../matches.ts";
import type { Objection } from "../policy-conditions.ts";
import { meta, xdsType } from "./common.ts";
import { describes } from "./describes.ts";
import {
  allSchema,
  BAD_PARAMETER,
  json,
  NAME_PARAMETER,
  NO_RESOURCE,
  PAGE_PARAMETERS,
  problem,
} from "./parts.ts";
import type { Operation, Topic } from "./topic.ts";

const tag = "Inspect";
const ofDataplane = z.object({ mesh: z.string(), name: z.string() });

const selected: Operation = {
  ...{ id: "inspect-resources", tag },
  summary: "The proxies that a policy or a service selects",
  parameters: [...PAGE_PARAMETERS, NAME_PARAMETER],
  answers: {
    200: json("InspectDataplanesForPolicy", "One page."),
    400: BAD_PARAMETER,
    404: NO_RESOURCE,
  },
};

/** Which proxies a policy or a service selects, whether they have taken it, and how a service is called. */
export function describeMatches({ kinds }: Registry): Topic {
  const selecting = pathsOf(kinds.filter(selectsDataplanes));
  const policies = pathsOf(kinds.filter(({ policy }) => policy?.isTargetRef === true));
  const services = pathsOf(kinds.filter(({ type }) => HOSTNAME_KINDS.includes(type)));
  const item = "/meshes/{mesh}/{policyType}/{policyName}";
  const get = selected;
  return {
    paths: {
      [`${item}/_resources/dataplanes`]: { values: { policyType: selecting }, get },
      [`${item}/-resources/dataplanes`]: {
        values: { policyType: selecting },
        get: { ...get, id: "inspectResourcesAtOldPath", isOld: true },
      },
      "/meshes/{mesh}/meshservices/{name}/_dataplanes": {
        get: { ...get, id: "inspect-meshservices-dataplanes" },
      },
      [`${item}/dataplanes`]: {
        values: { policyType: policies },
        get: {
          ...{ id: "getDataplanesOfPolicy", tag, isOld: true },
          summary: "The proxies that a policy selects, as older clients know them",
          parameters: [NAME_PARAMETER],
          answers: { 200: json("PolicyDataplanes", "All of them."), 404: NO_RESOURCE },
        },
      },
      "/meshes/{mesh}/meshgateways/{name}/dataplanes": {
        get: {
          ...{ id: "getDataplanesOfGateway", tag },
          summary: "The proxies that serve a MeshGateway",
          parameters: [NAME_PARAMETER],
          answers: { 200: json("GatewayDataplanes", "All of them."), 404: NO_RESOURCE },
        },
      },
      "/meshes/{mesh}/{serviceType}/{serviceName}/_hostnames": {
        values: { serviceType: services },
        get: {
          ...{ id: "inspect-hostnames", tag },
          summary: "The names under which a service is called",
          answers: {
            200: json("InspectHostnames", "All of them."),
            400: problem("Resources of this kind have no host names."),
            404: NO_RESOURCE,
          },
        },
      },
      [`${item}/_conditions`]: {
        values: { policyType: policies },
        get: {
          ...{ id: "getPolicyConditions", tag },
          summary: "Whether every proxy has taken what a policy makes of its configuration",
          answers: { 200: json("PolicyConditions", "What is so, and who objects."), 404: NO_RESOURCE },
        },
      },
    },
    schemas: {
      InspectDataplanesForPolicy: z.object({
        total: z.int(),
        items: z.array(meta),
        next: z.string().exactOptional().describe("Address of the next page."),
      }),
      PolicyDataplanes: allSchema(
        z.object({
          kind: z.literal("SidecarDataplane"),
          dataplane: ofDataplane,
          attachments: z.array(z.object({ type: z.literal("dataplane") })),
        }),
      ),
      GatewayDataplanes: allSchema(z.object({ dataplane: ofDataplane })),
      InspectHostnameZone: zone,
      InspectHostname: hostname,
      InspectHostnames: allSchema(hostname),
      PolicyCondition: condition,
      PolicyObjection: objection,
      PolicyConditions: z.object({ conditions: z.array(condition), proxies: z.array(objection) }),
    },
  };
}

const zone = z.object({ name: z.string() });
const hostname = z.object({ hostname: z.string(), zones: z.array(zone) });
const condition = z.object({
  type: z.enum(["Accepted", "Applied", "Effective"]),
  status: z.enum(["True", "False"]),
  reason: z.string(),
  message: z.string(),
});
const objection = describes<Objection>()(
  z.object({
    mesh: z.string(),
    name: z.string().describe("Of the proxy."),
    type: z
      .union([xdsType, z.literal("")])
      .exactOptional()
      .describe("Of the Envoy resource; empty where it is about none, absent where it is about a rule."),
    resource: z.string().exactOptional(),
    rule: z.string().exactOptional().describe("Of the policy, where that comes to nothing: `to[0]`."),
    message: z.string(),
  }),
);

function pathsOf(kinds: readonly KindDefinition[]): readonly string[] {
  return kinds.map(({ path }) => path);
}
