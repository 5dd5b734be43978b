import * as z from "zod";
import { configSchema } from "./config.ts";
import { environmentName } from "./environment-name.ts";
import { settingTraits } from "./setting.ts";

/** How a setting is written as one text. `document` cannot be: it takes a file. */
export type SettingKind = "text" | "flag" | "number" | "list" | "map" | "document";

/** One setting of the schema. */
export interface Setting {
  readonly path: string;
  readonly env: string;
  readonly kind: SettingKind;
  readonly isSecret: boolean;
}

/** Every setting of the configuration, by path. */
export const settings: ReadonlyMap<string, Setting> = new Map(
  collect(configSchema, "").map((setting) => [setting.path, setting]),
);

/** Those that can come from the environment, by name. */
export const settingsByEnvironment: ReadonlyMap<string, Setting> = new Map(
  [...settings.values()].filter(({ kind }) => kind !== "document").map((setting) => [setting.env, setting]),
);

/** The schema without what only says how it is filled in. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  for (;;) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap();
    else if (inner instanceof z.ZodPipe) inner = inner.in;
    else return inner;
  }
}

function collect(schema: z.core.$ZodType, path: string): readonly Setting[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries<z.core.$ZodType>(inner.shape).flatMap(([key, child]) =>
      collect(child, path === "" ? key : `${path}.${key}`),
    );
  }
  const traits = settingTraits.get(schema);
  return [
    {
      path,
      env: traits?.env ?? environmentName(path),
      kind: kindOf(inner),
      isSecret: traits?.isSecret ?? false,
    },
  ];
}

function kindOf(schema: z.core.$ZodType): SettingKind {
  if (schema instanceof z.ZodBoolean) return "flag";
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodRecord) return "map";
  if (schema instanceof z.ZodArray)
    return unwrapped(schema.element) instanceof z.ZodObject ? "document" : "list";
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return "text";
  throw new Error(`a setting of kind ${schema._zod.def.type} is not known`);
}
