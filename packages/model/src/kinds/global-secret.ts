import { defineKind, type ResourceOf } from "../kind.ts";
import { secretSpecSchema } from "./secret.ts";

/** A stored GlobalSecret. */
export type GlobalSecretResource = ResourceOf<typeof globalSecretKind>;

/** Confidential bytes that belong to no mesh: user and zone signing keys, the admin token. */
export const globalSecretKind = defineKind({
  type: "GlobalSecret",
  path: "globalsecrets",
  alternativePaths: ["global-secrets"],
  scope: "Global",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  adminOnly: true,
  cli: { singular: "globalsecret", plural: "globalsecrets", aliases: ["global-secret", "global-secrets"] },
  displayName: { singular: "Global Secret", plural: "Global Secrets" },
  description: "Confidential bytes that belong to no mesh, such as the keys that sign user tokens.",
  spec: secretSpecSchema,
});
