import * as z from "zod";
import type { Violation } from "./violation.ts";

/** Where a flat kind reads bytes from: exactly one of the four. */
export const dataSourceSchema = z.object({
  secret: z.string().optional(),
  file: z.string().optional(),
  inline: z.base64({ error: "must be base64" }).optional(),
  inlineString: z.string().optional(),
});

/** Bytes for a flat kind (Mesh): from a Secret of the mesh, a file of the control plane, or the document itself. */
export type DataSource = z.infer<typeof dataSourceSchema>;

/** What a schema cannot say of a data source: that exactly one source is set, and not to nothing. `choices` for the message. */
export function validateDataSource(
  source: DataSource | undefined,
  field: string,
  choices = "secret, file, inline or inlineString",
): readonly Violation[] {
  if (source === undefined) return [{ field, reason: `must be defined, with one of ${choices}` }];
  const set = Object.entries(source).filter(([, value]) => value !== undefined);
  if (set.length !== 1) return [{ field, reason: `must have exactly one of ${choices}` }];
  return set
    .filter(([, value]) => value === "")
    .map(([key]) => ({ field: `${field}.${key}`, reason: "cannot be empty" }));
}

/** Where a `spec` kind reads bytes from: `type` names the one block that is set. */
export const secureDataSourceSchema = z.object({
  type: z.enum(["File", "Secret", "EnvVar", "InsecureInline"]),
  file: z.object({ path: z.string().min(1, "cannot be empty") }).optional(),
  secretRef: z.object({ kind: z.enum(["Secret"]), name: z.string().min(1, "cannot be empty") }).optional(),
  envVar: z.object({ name: z.string().min(1, "cannot be empty") }).optional(),
  insecureInline: z.object({ value: z.string().min(1, "cannot be empty") }).optional(),
});

/** Bytes for a `spec` kind: a file or variable of the control plane, a Secret of the mesh, or the document itself. */
export type SecureDataSource = z.infer<typeof secureDataSourceSchema>;

const SECURE_BLOCKS = {
  File: "file",
  Secret: "secretRef",
  EnvVar: "envVar",
  InsecureInline: "insecureInline",
} as const;

/** What a schema cannot say of a secure data source: the block of its type is there, and no other. */
export function validateSecureDataSource(source: SecureDataSource, field: string): readonly Violation[] {
  const wanted = SECURE_BLOCKS[source.type];
  const violations: Violation[] = [];
  if (source[wanted] === undefined) {
    violations.push({ field: `${field}.${wanted}`, reason: `must be defined when type is ${source.type}` });
  }
  for (const block of Object.values(SECURE_BLOCKS)) {
    if (block !== wanted && source[block] !== undefined) {
      violations.push({ field: `${field}.${block}`, reason: `must not be set when type is ${source.type}` });
    }
  }
  return violations;
}
