import { parseKri } from "@skein/model";
import type { FastifyInstance } from "fastify";
import { requireResourceAccess } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { resourceOfKri } from "./kri-lookup.ts";
import { isKubernetesFormat, toKubernetesJson } from "./kubernetes-format.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { param, queryOf } from "./query.ts";
import { showResource } from "./read.ts";
import { opened } from "./secrets.ts";

/** `GET /_kri/{kri}`: a resource by the identifier that is the same in all zones. Its section does not matter. */
export function registerKri(app: FastifyInstance, deps: ApiDeps): void {
  app.get("/_kri/:kri", async (request, reply) => {
    const kri = requireKri(param(request, "kri"));
    const kind = deps.registry.byShortName(kri.shortName);
    if (!kind) throw badKri(`"${kri.shortName}" is not the short name of a kind: /_resources lists them`);
    requireResourceAccess(request, deps, kind);
    const asKubernetes = isKubernetesFormat(request);
    const resource = resourceOfKri(deps, kri);
    if (!resource) throw notFound(titles.retrieve);
    const body = asKubernetes
      ? toKubernetesJson(kind, opened(deps.cipher, kind, resource), queryOf(request).get("namespace"))
      : showResource(deps, kind, resource);
    return sendJson(reply, 200, body);
  });
}

/**
 * The parts of a KRI in a URL.
 * @throws Problem 400
 */
export function requireKri(text: string): NonNullable<ReturnType<typeof parseKri>> {
  const kri = parseKri(text);
  if (kri) return kri;
  throw badKri(
    `"${text}" is not a KRI: it has the form kri_<short name>_<mesh>_<zone>_<namespace>_<name>_<section>`,
  );
}

function badKri(detail: string): Problem {
  return new Problem(400, titles.retrieve, `bad request: ${detail}`);
}
