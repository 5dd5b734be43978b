import { backendRefSchema, intOrString, port } from "@skein/model";
import * as z from "zod";
import { headerMatchesSchema } from "../header-match-schema.ts";
import { headerName } from "../header-name.ts";
import { headerValue } from "../header-value.ts";
import { oneLine } from "../one-line.ts";
import type { HttpRule } from "./conf.ts";

const namedValue = z.object({ name: headerName(), value: headerValue() });

/** Envoy takes any number; the API's limit keeps documents readable. */
const MOST = "must have at most 16 entries";

const headerModifier = z.object({
  set: z.array(namedValue).max(16, MOST).optional(),
  add: z.array(namedValue).max(16, MOST).optional(),
  remove: z.array(z.string().min(1)).max(16, MOST).optional(),
});

const pathRewrite = z.object({
  type: z.enum(["ReplaceFullPath", "ReplacePrefixMatch"]),
  replaceFullPath: oneLine().optional(),
  replacePrefixMatch: oneLine().optional(),
});

const hostname = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    "must be a DNS name in lower case",
  );

const match = z.object({
  path: z
    .object({ type: z.enum(["Exact", "PathPrefix", "RegularExpression"]), value: z.string().min(1) })
    .optional(),
  method: z.enum(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]).optional(),
  headers: headerMatchesSchema,
  queryParams: z
    .array(
      z.object({
        name: z
          .string()
          .min(1)
          .refine((name) => Buffer.byteLength(name) <= 1024, "must be at most 1024 bytes long"),
        type: z.enum(["Exact", "RegularExpression"]),
        value: z.string(),
      }),
    )
    .optional(),
});

const filter = z.object({
  type: z.enum([
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestRedirect",
    "URLRewrite",
    "RequestMirror",
  ]),
  requestHeaderModifier: headerModifier.optional(),
  responseHeaderModifier: headerModifier.optional(),
  requestRedirect: z
    .object({
      scheme: z.enum(["http", "https"]).optional(),
      hostname: hostname.optional(),
      port: port().optional(),
      path: pathRewrite.optional(),
      statusCode: z
        .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
        .default(302),
    })
    .optional(),
  urlRewrite: z
    .object({
      hostname: hostname.optional(),
      path: pathRewrite.optional(),
      hostToBackendHostname: z.boolean().optional(),
    })
    .optional(),
  requestMirror: z.object({ backendRef: backendRefSchema, percentage: intOrString().optional() }).optional(),
});

/** `rules` of a `to` entry. */
export const httpRulesSchema: z.ZodType<readonly HttpRule[]> = z.array(
  z.object({
    matches: z.array(match).min(1, "must have at least one entry"),
    default: z.object({
      filters: z.array(filter).optional(),
      backendRefs: z.array(backendRefSchema).optional(),
    }),
  }),
);
