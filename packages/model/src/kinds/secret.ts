import * as z from "zod";
import { defineKind, type ResourceOf } from "../kind.ts";

/** The content of a secret: base64 of the raw bytes; absent means empty. */
export const secretSpecSchema = z.object({
  data: z.base64({ error: "must be base64 of the raw bytes" }).optional(),
});

/** The fields of a Secret or GlobalSecret beside `type`, `mesh` and `name`. */
export type SecretSpec = z.infer<typeof secretSpecSchema>;
/** A stored Secret. */
export type SecretResource = ResourceOf<typeof secretKind>;

/** Confidential bytes of one mesh: signing keys, CA keys, whatever data sources refer to. */
export const secretKind = defineKind({
  type: "Secret",
  path: "secrets",
  scope: "Mesh",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  adminOnly: true,
  cli: { singular: "secret", plural: "secrets" },
  displayName: { singular: "Secret", plural: "Secrets" },
  description: "Confidential bytes that belong to one mesh, such as signing keys and CA keys.",
  spec: secretSpecSchema,
});
