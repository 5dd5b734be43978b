import type { JsonSchema } from "@skein/model";
import * as z from "zod";
import type { Answer, Parameter } from "./topic.ts";

const TEXT: JsonSchema = { type: "string" };

/** A parameter of the query; text where no schema is given. */
export function query(name: string, description: string, schema: JsonSchema = TEXT): Parameter {
  return { name, in: "query", description, schema };
}

/** `true` or `false` in the query. */
export function flag(name: string, description: string, fallback: boolean): Parameter {
  return query(name, description, { type: "boolean", default: fallback });
}

/** The schema of that name. */
export function reference(schema: string): JsonSchema {
  return { $ref: `#/components/schemas/${schema}` };
}

/** JSON of the schema of that name. */
export function json(schema: string, description: string): Answer {
  return { description, content: { "application/json": reference(schema) } };
}

/** Plain text. */
export function text(description: string): Answer {
  return { description, content: { "text/plain": TEXT } };
}

/** What went wrong. */
export function problem(description: string): Answer {
  return json("Error", description);
}

/** Only what has this text in its name. */
export const NAME_PARAMETER = query("name", "Only those whose name contains this text.");

/** Which part of a list. */
export const PAGE_PARAMETERS: readonly Parameter[] = [
  query("size", "How many on a page.", { type: "integer", minimum: 1, maximum: 1000, default: 100 }),
  query("offset", "Position of the first one in the whole list.", {
    type: "integer",
    minimum: 0,
    default: 0,
  }),
];

export const NO_MESH = problem("There is no such mesh.");
export const NO_RESOURCE = problem("There is no such mesh, or nothing of that name in it.");
export const BAD_PARAMETER = problem("A parameter is not valid.");

/** A time in RFC 3339. */
export function time() {
  return z.string().meta({ format: "date-time" });
}

/** A page of a list. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({
    total: z.int().describe("How many there are on all pages."),
    items: z.array(item),
    next: z.string().nullable().describe("Address of the next page."),
  });
}

/** All of a list, or as much as an answer has room for. */
export function allSchema<Item extends z.ZodType>(item: Item) {
  return z.object({ total: z.int(), items: z.array(item) });
}
