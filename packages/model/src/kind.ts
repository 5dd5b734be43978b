import type * as z from "zod";
import type { NewResource, Resource } from "./resource.ts";
import type { Violation } from "./violation.ts";

export type Scope = "Global" | "Mesh";

/** Where targetRef policies take their rules from; shown by `/policies` and `/_resources`. */
export interface PolicyTraits {
  readonly isTargetRef: boolean;
  readonly hasTo: boolean;
  readonly hasFrom: boolean;
  readonly hasRules: boolean;
  /** The `from` list only allows kind Mesh, so it is read as inbound `rules`. */
  readonly isFromAsRules: boolean;
}

/**
 * All that Skein knows of one resource kind. Validation, defaults, OpenAPI, the HTTP routes and the CLI's names are
 * derived from this one value: a new kind is a new file and a line in the registry.
 *
 * The functions are declared as methods so that a definition with a narrow spec fits in a list of all kinds.
 */
export interface KindDefinition<Spec = unknown, Status = unknown> {
  readonly type: string;
  /** Plural segment of the URL, e.g. `meshtimeouts`. */
  readonly path: string;
  readonly alternativePaths?: readonly string[];
  /** Short name in a KRI; absent where the kind has none. */
  readonly shortName?: string;
  readonly scope: Scope;
  /** `spec`: fields below `spec` (and `status`); `flat`: fields beside `type` and `name`. */
  readonly shape: "spec" | "flat";
  readonly hasStatus: boolean;
  /** Which control planes may write it; neither means that only the system does. */
  readonly writableOn: { readonly global: boolean; readonly zone: boolean };
  /** Flows from the global control plane to the zones. */
  readonly includeInFederation: boolean;
  /** Read and write only by admins. */
  readonly adminOnly?: boolean;
  /** Key under which an overview shows the insight, and the overview's type; e.g. `dataplaneInsight`. */
  readonly insight?: { readonly type: string; readonly key: string; readonly overviewType: string };
  /** Lists its `snis` in answers (destination kinds). */
  readonly hasSnis?: boolean;
  readonly cli: { readonly singular: string; readonly plural: string; readonly aliases?: readonly string[] };
  readonly displayName: { readonly singular: string; readonly plural: string };
  readonly policy?: PolicyTraits;
  /** One sentence for OpenAPI and the CLI. */
  readonly description: string;
  /** Shape and defaults of `spec` (or of the flat fields). Objects strip what they do not know. */
  readonly spec: z.ZodType<Spec>;
  readonly status?: z.ZodType<Status>;
  /** Fields of `spec` that the control plane keeps up to date: a PUT leaves them as they are. */
  readonly systemFields?: readonly string[];
  /** Rules that a schema cannot say. Gets a spec that already passed the schema, with defaults. */
  validate?(resource: NewResource<Spec>): readonly Violation[];
  /** Deprecated shapes in a valid document, each a sentence that names the field and the replacement. */
  deprecations?(resource: NewResource<Spec>): readonly string[];
  /** Labels that follow from the spec and override what the user wrote; `undefined` removes the label. */
  computedLabels?(spec: Spec): Readonly<Record<string, string | undefined>>;
  /** The ports that get an SNI; only for destination kinds (`hasSnis`). */
  servicePorts?(spec: Spec): readonly { readonly port: number; readonly name?: string | undefined }[];
}

/** Keeps the inferred types of the schemas while checking the rest. */
export function defineKind<Spec, Status = undefined>(
  kind: KindDefinition<Spec, Status>,
): KindDefinition<Spec, Status> {
  return kind;
}

/** The typed resource of a kind: `ResourceOf<typeof meshKind>`. */
export type ResourceOf<K> =
  K extends KindDefinition<infer Spec, infer Status> ? Resource<Spec, Status> : never;
