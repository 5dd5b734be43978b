import * as z from "zod";
import type { Tally } from "../../insights/mesh-insight.ts";
import { describes } from "./describes.ts";
import { json, problem, time } from "./parts.ts";
import type { Answer, Topic } from "./topic.ts";

const tag = "System";

const stats = z.object({ total: z.int() });
const baseStatus = z.object({ online: z.int(), total: z.int() });
const fullStatus = describes<Tally>()(
  z.object({ total: z.int(), online: z.int(), offline: z.int(), partiallyDegraded: z.int() }),
);

const dataplanesStats = z.object({
  standard: fullStatus,
  gatewayBuiltin: fullStatus,
  gatewayDelegated: fullStatus,
});
const servicesStats = z.object({
  internal: fullStatus,
  gatewayBuiltin: fullStatus,
  gatewayDelegated: fullStatus,
  external: stats,
});
const zonesStats = z.object({
  controlPlanes: baseStatus,
  zoneIngresses: baseStatus,
  zoneEgresses: baseStatus,
});
const meshesStats = z.object({ total: z.int() });
const policiesStats = z.object({ total: z.int() });

const GUI: Answer = { description: "A page.", content: { "text/html": { type: "string" } } };

/** What a control plane says of itself and of all that it knows. */
export const SYSTEM: Topic = {
  paths: {
    "/": {
      get: {
        ...{ id: "index", tag, isPublic: true },
        summary: "Which product, version and instance answers",
        answers: { 200: json("Index", "This control plane.") },
      },
    },
    "/config": {
      get: {
        ...{ id: "getConfig", tag },
        summary: "The configuration of the control plane, without its secrets",
        answers: { 200: json("ControlPlaneConfig", "By name."), 403: problem("Only admins may.") },
      },
    },
    "/who-am-i": {
      get: {
        ...{ id: "whoAmI", tag },
        summary: "Whom the control plane takes the caller for",
        answers: { 200: json("User", "The caller.") },
      },
    },
    "/global-insight": {
      get: {
        ...{ id: "get-global-insight", tag: "GlobalInsight" },
        summary: "Counts over everything that the control plane knows",
        answers: { 200: json("GlobalInsightBase", "The counts.") },
      },
    },
    "/global-insights": {
      get: {
        ...{ id: "getGlobalInsights", tag: "GlobalInsight", isOld: true },
        summary: "Counts of what belongs to no mesh",
        answers: { 200: json("GlobalInsights", "The counts, by kind.") },
      },
    },
    "/gui": {
      get: { ...{ id: "getGui", tag, isPublic: true }, summary: "The web page", answers: { 200: GUI } },
    },
    "/gui/{page}": {
      get: { ...{ id: "getGuiPage", tag, isPublic: true }, summary: "A web page", answers: { 200: GUI } },
    },
  },
  schemas: {
    Index: z.object({
      basedOnKuma: z.string().exactOptional(),
      clusterId: z.string(),
      gui: z.string().describe("Where the web page is; empty where there is none."),
      hostname: z.string(),
      instanceId: z.string(),
      product: z.string(),
      version: z.string(),
    }),
    ControlPlaneConfig: z.record(z.string(), z.unknown()),
    User: z.object({ name: z.string(), groups: z.array(z.string()) }),
    BaseStatus: baseStatus,
    FullStatus: fullStatus,
    ResourceStats: stats,
    DataplanesStats: dataplanesStats,
    ServicesStats: servicesStats,
    ZonesStats: zonesStats,
    MeshesStats: meshesStats,
    PoliciesStats: policiesStats,
    GlobalInsightBase: z.object({
      createdAt: time(),
      dataplanes: dataplanesStats,
      services: servicesStats,
      zones: zonesStats,
      meshes: meshesStats,
      policies: policiesStats,
      resources: z.record(z.string(), stats),
    }),
    GlobalInsights: z.object({
      type: z.literal("GlobalInsights"),
      creationTime: time(),
      resources: z.record(z.string(), stats),
    }),
  },
};
