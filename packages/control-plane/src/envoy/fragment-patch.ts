import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import {
  contributors,
  type Origin,
  type PatchableResource,
  type PatchedResource,
  type PatchProblem,
  type PolicyDefinition,
  type PolicyPlans,
  type ResourceOrigin,
  type ResourcePatch,
} from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import { Interned } from "../plan/interned.ts";
import type { Fragment } from "../xds/fragment.ts";
import type { FragmentTable } from "../xds/fragment-table.ts";

/** What patches made of a fragment. */
export interface PatchedFragment {
  /** The same where nothing was to be done, absent where it was taken away. */
  readonly fragment: Fragment | undefined;
  readonly by: readonly Origin[];
  readonly problems: readonly PatchProblem[];
}

/** The patches of one proxy's plan entries. Equal entries give the same object, so each fragment is patched once for all. */
export class FragmentPatch {
  readonly #patches: readonly ResourcePatch[];
  readonly #table: FragmentTable;
  readonly #patched = new Map<ResourceOrigin, WeakMap<Fragment, PatchedFragment>>();
  #added: readonly PatchedFragment[] | undefined;

  constructor(patches: readonly ResourcePatch[], table: FragmentTable) {
    this.#patches = patches;
    this.#table = table;
  }

  /** Sidecars and gateways share clusters, which are of another origin for each. */
  of(fragment: Fragment, origin: ResourceOrigin): PatchedFragment {
    const ofOrigin = getOrMake(this.#patched, origin, () => new WeakMap());
    return getOrMake(ofOrigin, fragment, () => this.#patch(fragment, origin));
  }

  /** What every proxy with these entries gets besides. */
  added(): readonly PatchedFragment[] {
    this.#added ??= this.#patches.flatMap((patch) =>
      patch.added().map((each) => ({ ...each, fragment: this.#encode(each, []) })),
    );
    return this.#added;
  }

  #patch(fragment: Fragment, origin: ResourceOrigin): PatchedFragment {
    const { type, name } = fragment;
    const unchanged: PatchedFragment = { fragment, by: [], problems: [] };
    if (type !== "cluster" && type !== "listener" && type !== "route") return unchanged;
    const concerned = this.#patches.filter((patch) => patch.concerns(type, name, origin));
    if (concerned.length === 0) return unchanged;
    let result: PatchedResource = { resource: decode(type, fragment, origin), by: [], problems: [] };
    for (const patch of concerned) {
      if (result.resource === undefined) break;
      const next = patch.apply(result.resource);
      result = {
        resource: next.resource,
        by: [...result.by, ...next.by],
        problems: [...result.problems, ...next.problems],
      };
    }
    const { by, problems } = result;
    return { fragment: by.length === 0 ? fragment : this.#encode(result, fragment.origins), by, problems };
  }

  #encode({ resource, by }: PatchedResource, origins: readonly string[]): Fragment | undefined {
    if (resource === undefined) return undefined;
    const { type, message } = resource;
    const all = [...new Set([...origins, ...contributors(by)])].sort();
    return this.#table.intern(type, message.name, toBinary<DescMessage>(SCHEMAS[type], message), all);
  }
}

/** Makes the patch of a proxy's plan entries; equal entries give the same one. */
export class FragmentPatches {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #table: FragmentTable;
  readonly #interned = new Interned<FragmentPatch>();
  /** Keeps a patch for as long as a plan that it belongs to. */
  readonly #byPlans = new WeakMap<PolicyPlans, FragmentPatch>();

  constructor(definitions: readonly PolicyDefinition[], table: FragmentTable) {
    this.#definitions = definitions.filter(({ patchResources }) => patchResources !== undefined);
    this.#table = table;
  }

  /** `undefined` where no policy changes finished resources. */
  of(plans: PolicyPlans): FragmentPatch | undefined {
    const entries = this.#definitions.flatMap((definition) => {
      const plan = plans[definition.kind.type];
      return plan === undefined ? [] : [{ definition, plan }];
    });
    if (entries.length === 0) return undefined;
    const patch = getOrMake(this.#byPlans, plans, () =>
      this.#interned.get(JSON.stringify(entries.map(({ plan }) => plan)), () => {
        const patches = entries.flatMap(({ definition, plan }) => definition.patchResources?.(plan) ?? []);
        return new FragmentPatch(patches, this.#table);
      }),
    );
    return patch;
  }
}

const SCHEMAS = {
  cluster: ClusterSchema,
  listener: ListenerSchema,
  route: RouteConfigurationSchema,
} as const;

function decode(
  type: PatchableResource["type"],
  fragment: Fragment,
  origin: ResourceOrigin,
): PatchableResource {
  const { value } = fromBinary(AnySchema, fragment.any);
  switch (type) {
    case "cluster":
      return { type, origin, message: fromBinary(ClusterSchema, value) };
    case "listener":
      return { type, origin, message: fromBinary(ListenerSchema, value) };
    case "route":
      return { type, origin, message: fromBinary(RouteConfigurationSchema, value) };
  }
}
