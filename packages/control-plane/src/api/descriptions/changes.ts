import * as z from "zod";
import type { ChangeItem, ChangeStatus, ProxyCondition, ProxyStatus, RejectedResource } from "../ports.ts";
import { xdsName, xdsType } from "./common.ts";
import { describes } from "./describes.ts";
import {
  BAD_PARAMETER,
  json,
  NAME_PARAMETER,
  NO_MESH,
  PAGE_PARAMETERS,
  pageSchema,
  problem,
  query,
  time,
} from "./parts.ts";
import type { Topic } from "./topic.ts";

const tag = "Changes";

const rejected = describes<RejectedResource>()(
  z.object({
    type: xdsType,
    name: z.string(),
    message: z.string().describe("What Envoy says."),
    policies: z.array(z.string()).describe("KRIs of the policies that shaped it."),
    rules: z.array(z.string()).exactOptional().describe("Rules, each as `<KRI> to[0]`."),
  }),
);

const item = describes<ChangeItem>()(
  z.object({
    mesh: z.string(),
    name: z.string(),
    state: z.enum(["behind", "acknowledged", "rejected", "gone"]),
    afterMs: z.number().exactOptional(),
    resources: z.array(xdsName),
    rejected: z.array(rejected).exactOptional(),
  }),
);

const change = {
  id: z.int(),
  time: time(),
  state: z.enum(["planning", "pending", "settled"]),
  proxies: z.object({
    affected: z.int(),
    acknowledged: z.int(),
    behind: z.int(),
    rejected: z.int(),
    gone: z.int(),
  }),
  lastAcknowledgedAfterMs: z.number().exactOptional(),
};

const condition = describes<ProxyCondition>()(
  z.object({
    type: z.string(),
    message: z.string(),
    policy: z.string().exactOptional().describe("KRI."),
    resource: z.string().exactOptional().describe("Type and name of an Envoy resource."),
  }),
);

const status = describes<ProxyStatus>()(
  z.object({
    mesh: z.string(),
    name: z.string(),
    state: z.enum(["in-sync", "behind", "rejected", "offline"]),
    connected: z.boolean(),
    since: time().describe("When `state` began."),
    wantedRevision: z.int(),
    acknowledgedRevision: z.int(),
    resources: z.partialRecord(xdsType, z.int()).describe("How many it holds of each type."),
    rejected: z.array(rejected),
    identity: z.object({ spiffeId: z.string(), expires: time() }).exactOptional(),
    conditions: z.array(condition),
  }),
);

const statusList = (id: string) => ({
  ...{ id, tag },
  summary: "What proxies hold against what they should hold",
  parameters: [...PAGE_PARAMETERS, NAME_PARAMETER],
  answers: { 200: json("ProxyStatusList", "One page."), 400: BAD_PARAMETER },
});
const ofMesh = statusList("getProxyStatusList");

/** How far writes have got, and what every proxy holds. */
export const CHANGES: Topic = {
  paths: {
    "/_changes/{id}": {
      get: {
        ...{ id: "getChange", tag },
        summary: "How far a write has got",
        parameters: [
          query(
            "wait",
            "Answers when the change is settled or after this time, such as `5s`; at most a minute.",
          ),
          ...PAGE_PARAMETERS,
        ],
        answers: {
          200: json("Change", "The change, and a page of the proxies that it concerns."),
          400: BAD_PARAMETER,
          404: problem("There was no such change, or it is forgotten."),
        },
      },
    },
    "/_proxy-status": { get: statusList("getProxyStatusListOfAllMeshes") },
    "/meshes/{mesh}/_proxy-status": {
      get: { ...ofMesh, answers: { ...ofMesh.answers, 404: NO_MESH } },
    },
  },
  schemas: {
    RejectedResource: rejected,
    ChangeItem: item,
    Change: describes<ChangeStatus>()(pageSchema(item).extend({ ...change, items: z.array(item) })),
    ProxyCondition: condition,
    ProxyStatus: status,
    ProxyStatusList: pageSchema(status),
  },
};
