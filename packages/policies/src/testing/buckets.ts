import { AnySchema } from "@bufbuild/protobuf/wkt";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { ListenerDraft } from "../draft.ts";
import { json } from "./drafts.ts";

const FILTER = "envoy.filters.http.local_ratelimit";

interface FilterConfig {
  readonly disabled?: boolean;
  readonly tokenBucket?: { readonly maxTokens: number };
}

/** How many requests each bucket of a listener takes: the one for `all`, and those of single routes. */
export function draftBuckets({
  virtualHostConfig,
  routes,
}: ListenerDraft): Record<string, number | "off" | undefined> {
  const common = virtualHostConfig[FILTER];
  return {
    all: common && sizeOf(json(AnySchema, common) as FilterConfig),
    ...Object.fromEntries(
      routes.map(({ route, policy }) => {
        const { typedPerFilterConfig = {} } = json(RouteSchema, route) as {
          typedPerFilterConfig?: Readonly<Record<string, FilterConfig>>;
        };
        return [policy ?? "others", sizeOf(typedPerFilterConfig[FILTER])];
      }),
    ),
  };
}

function sizeOf(config: FilterConfig | undefined): number | "off" | undefined {
  return config?.disabled === true ? "off" : config?.tokenBucket?.maxTokens;
}
