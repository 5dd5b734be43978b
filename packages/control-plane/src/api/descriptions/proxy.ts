import * as z from "zod";
import type { PlanPart } from "../../pipeline/blame.ts";
import { BLAME_TYPES } from "../blame.ts";
import type { JsonPatchItem } from "../json-patch.ts";
import { caller, xdsType } from "./common.ts";
import { choice, describes } from "./describes.ts";
import { allSchema, BAD_PARAMETER, flag, json, NO_RESOURCE, problem, query, time } from "./parts.ts";
import type { Answer, Topic } from "./topic.ts";

const base = "/meshes/{mesh}/dataplanes/{name}";
const tag = "Proxy";
const admin = problem("The caller may not see this.");
const unreachable = problem("The proxy cannot be asked.");
const FORMAT = query("format", "`json` for JSON.", {
  type: "string",
  enum: ["text", "json"],
  default: "text",
});

/** As Envoy's own admin interface answers. */
const fromEnvoy = (description: string): Answer => ({
  description,
  content: {
    "text/plain": { type: "string" },
    "application/json": { $ref: "#/components/schemas/EnvoyJson" },
  },
});

const patch = describes<JsonPatchItem>()(
  z.object({ op: z.enum(["test", "remove", "add"]), path: z.string(), value: z.unknown().optional() }),
);

const part = z.object({
  kind: choice<PlanPart["kind"]>({
    inbound: true,
    gateway: true,
    outbound: true,
    backend: true,
    admin: true,
    identity: true,
    trust: true,
    proxy: true,
  }),
  section: z.string().exactOptional(),
  kri: z.string().exactOptional(),
  destination: z.string().exactOptional().describe("KRI, or the name of a service that is known by a tag."),
});

const known = {
  kind: z.string(),
  kri: z.string().exactOptional(),
  name: z.string(),
  revision: z.int().exactOptional().describe("Absent where it is gone since."),
  modificationTime: time().exactOptional(),
};
const blamed = z.object({
  type: xdsType,
  name: z.string(),
  version: z.string(),
  parts: z.array(part),
  policies: z.array(
    z.object({
      ...known,
      rules: z.array(
        z.object({
          rule: z.string(),
          fields: z.array(
            z.object({
              path: z.string(),
              value: z.unknown().optional(),
              caller: caller.exactOptional(),
              route: z.string().exactOptional(),
            }),
          ),
        }),
      ),
    }),
  ),
  sources: z.array(z.object(known)),
});

/** What a proxy should hold, what it holds, and what made it so. */
export const PROXY: Topic = {
  paths: {
    [`${base}/_config`]: {
      get: {
        ...{ id: "get-dataplanes-xds-config", tag },
        summary: "The Envoy resources that a proxy should hold",
        parameters: [
          flag("shadow", "As if policies with the label `kuma.io/effect: shadow` were in force.", false),
          query("include", "`diff` for what `shadow` changes.", {
            type: "array",
            items: { type: "string", enum: ["diff"] },
          }),
        ],
        answers: {
          200: json("DataplaneXDSConfig", "By type and name. Private keys are left out."),
          400: BAD_PARAMETER,
          404: NO_RESOURCE,
          503: problem("Too many previews wait already."),
        },
      },
    },
    [`${base}/_blame`]: {
      get: {
        ...{ id: "getBlame", tag },
        summary: "Why a proxy has each of its Envoy resources, and why it is as it is",
        parameters: [
          query("type", "Only resources of this type.", { type: "string", enum: BLAME_TYPES }),
          query("name", "Only the resource of this name."),
        ],
        answers: { 200: json("BlameList", "All of them."), 400: BAD_PARAMETER, 404: NO_RESOURCE },
      },
    },
    [`${base}/xds`]: {
      get: {
        ...{ id: "getXds", tag },
        summary: "What Envoy says that it holds, or should hold where it cannot be asked",
        parameters: [flag("include_eds", "With its endpoints.", false)],
        answers: {
          200: {
            ...json("EnvoyJson", "A configuration dump."),
            headers: { "Skein-Config-Source": "`envoy`, or `control-plane` where Envoy cannot be asked." },
          },
          400: BAD_PARAMETER,
          403: admin,
          404: NO_RESOURCE,
          500: unreachable,
        },
      },
    },
    [`${base}/stats`]: {
      get: {
        ...{ id: "getStats", tag },
        summary: "What Envoy counts",
        parameters: [FORMAT, flag("usedonly", "Only what has been counted.", true)],
        answers: {
          200: fromEnvoy("As Envoy answers."),
          400: BAD_PARAMETER,
          403: admin,
          404: NO_RESOURCE,
          500: unreachable,
        },
      },
    },
    [`${base}/clusters`]: {
      get: {
        ...{ id: "getClusters", tag },
        summary: "Whom Envoy calls, and how they are",
        parameters: [FORMAT],
        answers: {
          200: fromEnvoy("As Envoy answers."),
          403: admin,
          404: NO_RESOURCE,
          500: unreachable,
        },
      },
    },
  },
  schemas: {
    JsonPatchItem: patch,
    DataplaneXDSConfig: z.object({
      xds: z
        .record(z.string(), z.record(z.string(), z.unknown()))
        .describe("Resources by their type URL, then by their name."),
      diff: z.array(patch).exactOptional(),
    }),
    EnvoyJson: z.record(z.string(), z.unknown()),
    Blame: blamed,
    BlameList: allSchema(blamed),
  },
};
