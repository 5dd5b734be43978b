import {
  computeLabels,
  coreKinds,
  createRegistry,
  keyString,
  type LabelContext,
  parseResource,
  type Resource,
} from "@skein/model";
import { policyKinds } from "@skein/policies";
import type { World } from "../world.ts";

const registry = createRegistry([...coreKinds, ...policyKinds]);

/** The control plane that the resources of these tests are written to. */
export const ZONE = "east";
const CONTEXT: LabelContext = { mode: "zone", zone: ZONE, environment: "universal", federated: false };

/** A document of the API as the store would hold it after its `revision`-th write. */
export function stored(document: unknown, revision: number): Resource {
  const type = String(Reflect.get(Object(document), "type"));
  const kind = registry.byType(type);
  if (kind === undefined) throw new Error(`there is no kind "${type}"`);
  const { resource, violations } = parseResource(kind, document, { unknownFields: "strict" });
  if (resource === undefined) {
    const reasons = violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
    throw new Error(`${type} "${String(Reflect.get(Object(document), "name"))}": ${reasons}`);
  }
  const time = new Date(Date.UTC(2026, 0, 1) + revision * 1000).toISOString();
  const status = Reflect.get(Object(document), "status");
  return {
    ...resource,
    ...(status === undefined ? {} : { status }),
    labels: computeLabels(kind, resource, CONTEXT),
    creationTime: time,
    modificationTime: time,
    revision,
  };
}

/** The documents of a mesh and their history: what a store does for a `World`, without one. */
export class Documents {
  readonly #resources = new Map<string, Resource>();
  #revision = 0;

  get all(): readonly Resource[] {
    return [...this.#resources.values()];
  }

  /** Creates or replaces; times of creation and revisions are what a store would give. */
  put(world: World, ...documents: readonly unknown[]): void {
    world.apply(
      documents.map((document) => {
        this.#revision += 1;
        const written = stored(document, this.#revision);
        const before = this.#resources.get(keyString(written));
        const after = before === undefined ? written : { ...written, creationTime: before.creationTime };
        this.#resources.set(keyString(after), after);
        return { before, after };
      }),
    );
  }

  /** Deletes, where it is there. */
  delete(world: World, type: string, mesh: string, name: string): void {
    const key = keyString({ type, mesh, name });
    const before = this.#resources.get(key);
    if (before === undefined) return;
    this.#revision += 1;
    this.#resources.delete(key);
    world.apply([{ before, after: undefined }]);
  }
}
