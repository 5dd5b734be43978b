import { documentSchemaOf, type KindDefinition, type Registry } from "@skein/model";
import * as z from "zod";
import { LEGACY_PATHS } from "../overviews.ts";
import { BAD_PARAMETER, json, NO_MESH, NO_RESOURCE } from "./parts.ts";
import { listParameters, listSchema } from "./resources.ts";
import type { Operation, PathDescription, Topic } from "./topic.ts";

/** Resources together with what the control plane saw of them. */
export function describeOverviews(registry: Registry): Topic {
  const kinds = registry.kinds.flatMap((kind) => (kind.insight ? [{ kind, ...kind.insight }] : []));
  return {
    paths: Object.assign({}, ...kinds.map(({ kind, overviewType }) => pathsOf(kind, overviewType))),
    kindSchemas: Object.fromEntries(
      kinds.flatMap(({ kind, type, key, overviewType }) => {
        const item = `${overviewType}WithMeta`;
        const shown = overviewKind(kind, { overviewType, key, insight: registry.byType(type)?.spec });
        return [
          [item, documentSchemaOf(shown)],
          [`${item}List`, listSchema(item)],
        ];
      }),
    ),
  };
}

/** An overview as if it were a kind: the fields of the resource under one key, the insight under another. */
function overviewKind(
  kind: KindDefinition,
  {
    overviewType,
    key,
    insight = z.record(z.string(), z.unknown()),
  }: { readonly overviewType: string; readonly key: string; readonly insight: z.ZodType | undefined },
): KindDefinition {
  const own = `${kind.type.charAt(0).toLowerCase()}${kind.type.slice(1)}`;
  const spec = z.object({ [own]: kind.spec, [key]: insight.optional() });
  return { ...kind, type: overviewType, shape: "flat", hasStatus: false, spec };
}

function pathsOf(kind: KindDefinition, overview: string): Readonly<Record<string, PathDescription>> {
  const inMesh = kind.scope === "Mesh" ? "/meshes/{mesh}" : "";
  const legacy = LEGACY_PATHS[kind.type];
  const list = listOverviews(kind, overview);
  const get = getOverview(kind, overview);
  const ofMesh = inMesh === "" ? list : withMesh(list);
  const ofAll = { ...list, id: `${list.id}OfAllMeshes` };
  return {
    [`${inMesh}/${kind.path}/_overview`]: { get: ofMesh },
    [`${inMesh}/${kind.path}/{name}/_overview`]: { get },
    ...(inMesh === "" ? {} : { [`/${kind.path}/_overview`]: { get: ofAll } }),
    ...(legacy === undefined
      ? {}
      : {
          [`${inMesh}/${legacy}`]: { get: old(ofMesh) },
          [`${inMesh}/${legacy}/{name}`]: { get: old(get) },
          ...(inMesh === "" ? {} : { [`/${legacy}`]: { get: old(ofAll) } }),
        }),
  };
}

function listOverviews(kind: KindDefinition, overview: string): Operation {
  return {
    ...{ id: `get${overview}List`, tag: kind.type },
    summary: `${kind.displayName.plural}, and what was seen of each`,
    parameters: listParameters(kind),
    answers: { 200: json(`${overview}WithMetaList`, "One page."), 400: BAD_PARAMETER },
  };
}

function getOverview(kind: KindDefinition, overview: string): Operation {
  return {
    ...{ id: `get${overview}`, tag: kind.type },
    summary: `One ${kind.displayName.singular}, and what was seen of it`,
    answers: { 200: json(`${overview}WithMeta`, "Both."), 404: NO_RESOURCE },
  };
}

function withMesh(operation: Operation): Operation {
  return { ...operation, answers: { ...operation.answers, 404: NO_MESH } };
}

function old(operation: Operation): Operation {
  return { ...operation, id: `${operation.id}AtOldPath`, isOld: true };
}
