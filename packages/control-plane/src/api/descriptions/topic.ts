import type { JsonSchema } from "@skein/model";
import type * as z from "zod";

/** Operations that belong together, and the schemas that they name. */
export interface Topic {
  /** By path as OpenAPI writes it. */
  readonly paths: Readonly<Record<string, PathDescription>>;
  /** Whatever stands here is referred to by its name wherever another schema uses it. */
  readonly schemas?: Readonly<Record<string, z.ZodType>>;
  /** Schemas that are made from those of kinds. */
  readonly kindSchemas?: Readonly<Record<string, JsonSchema>>;
}

/** What can be done at a path. */
export interface PathDescription {
  /** The values of a parameter of the path, where it stands for several paths that the server has. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  readonly get?: Operation;
  readonly put?: Operation;
  readonly post?: Operation;
  readonly delete?: Operation;
}

/** A request and its answers. Parameters of the path, 401 and 500 are added to all of them. */
export interface Operation {
  /** Kuma's own where it has the operation: clients are generated from it. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  /** Name of the schema of the body. */
  readonly body?: string;
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Nobody has to say who asks. */
  readonly isPublic?: true;
  /** There is a newer one. */
  readonly isOld?: true;
}

/** A parameter of the query or a header of the request. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "header";
  readonly description: string;
  readonly schema: JsonSchema;
  readonly required?: true;
  readonly style?: "deepObject";
}

export interface Answer {
  readonly description: string;
  /** Schemas by media type; absent where there is no body. */
  readonly content?: Readonly<Record<string, JsonSchema>>;
  readonly headers?: Readonly<Record<string, string>>;
}
