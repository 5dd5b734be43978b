import * as z from "zod";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const list = z
  .array(z.string())
  .nullable()
  .transform((value) => value ?? []);

/** The claims that every token may have: RFC 7519 §4.1. Times in seconds since the epoch. */
export const registeredClaimsSchema = z.object({
  exp: z.number().optional(),
  nbf: z.number().optional(),
  jti: z.string().optional(),
});

/** Claims of a dataplane token. Empty ones are not checked against the proxy. */
export const dataplaneClaimsSchema = z.object({
  Name: text,
  Mesh: z.string(),
  Tags: z
    .record(z.string(), z.array(z.string()))
    .nullish()
    .transform((value) => value ?? {}),
  Type: text,
  Workload: text,
});

/** Claims of a zone token. */
export const zoneClaimsSchema = z.object({ Zone: text, Scope: list });

/** Claims of a user token. */
export const userClaimsSchema = z.object({ Name: z.string().min(1), Groups: list });

/** The claims that every token may have. */
export type RegisteredClaims = z.infer<typeof registeredClaimsSchema>;

/** What a dataplane token says. */
export type DataplaneClaims = z.infer<typeof dataplaneClaimsSchema>;

/** What a zone token says. */
export type ZoneClaims = z.infer<typeof zoneClaimsSchema>;

/** What a user token says. */
export type UserClaims = z.infer<typeof userClaimsSchema>;
