import * as z from "zod";
import { configSchema } from "./config.ts";
import { isGroup } from "./config-file.ts";
import { nearMiss } from "./near-miss.ts";
import { settings, unwrapped } from "./settings.ts";
import { leadsToUnused, unusedSection, unusedSections } from "./unused.ts";

/** Keys of a document that mean nothing, or nothing here. */
export interface KeyFindings {
  readonly unknown: readonly { readonly path: string; readonly suggestion: string | undefined }[];
  /** Sections that are known and unused. */
  readonly unused: readonly string[];
}

/** Compares a document's keys with the schema's. */
export function findUnknownKeys(content: Readonly<Record<string, unknown>>): KeyFindings {
  return merge(inspect(content, configSchema, ""));
}

/** The known path that an unknown one was probably meant to be. */
export function suggestPath(path: string): string | undefined {
  const dot = path.lastIndexOf(".");
  const parent = path.slice(0, dot + 1);
  const key = path.slice(dot + 1);
  const known = [...settings.keys(), ...unusedSections()].filter((candidate) => candidate.startsWith(parent));
  const sibling = nearMiss(
    key,
    new Set(known.map((candidate) => candidate.slice(parent.length).split(".", 1)[0] ?? "")),
  );
  if (sibling !== undefined) return `${parent}${sibling}`;
  const deeper = known.filter((candidate) => candidate.endsWith(`.${key}`));
  return deeper.length > 0 ? deeper[0] : nearMiss(path, settings.keys());
}

function inspect(value: unknown, schema: z.core.$ZodType, path: string): readonly KeyFindings[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, index) => inspect(item, inner.element, `${path}[${index}]`));
  }
  if (!(inner instanceof z.ZodObject) || !isGroup(value)) return [];
  const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape;
  return Object.entries(value).flatMap(([key, child]) => {
    const childPath = path === "" ? key : `${path}.${key}`;
    const unused = unusedSection(childPath);
    if (unused !== undefined) return [{ unknown: [], unused: [unused] }];
    const childSchema = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (childSchema) return inspect(child, childSchema, childPath);
    if (leadsToUnused(childPath)) return [];
    const suggestion = path.endsWith("]") ? nearMiss(key, Object.keys(shape)) : suggestPath(childPath);
    return [{ unknown: [{ path: childPath, suggestion }], unused: [] }];
  });
}

function merge(findings: readonly KeyFindings[]): KeyFindings {
  return {
    unknown: findings.flatMap(({ unknown }) => unknown),
    unused: [...new Set(findings.flatMap(({ unused }) => unused))],
  };
}
