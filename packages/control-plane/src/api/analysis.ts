import type { FastifyInstance } from "fastify";
import { openSecret } from "../identity/secrets.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { param } from "./query.ts";
import { requireMesh } from "./source.ts";

/** `GET /meshes/{mesh}/_analysis`: what in a mesh is probably not what its people want. */
export function registerAnalysis(app: FastifyInstance, deps: ApiDeps): void {
  app.get("/meshes/:mesh/_analysis", async (request, reply) => {
    const mesh = requireMesh(deps, param(request, "mesh"));
    const items = await deps.plans.analyze(mesh.name, {
      kinds: deps.registry.kinds,
      now: deps.now(),
      secret: (secret) => {
        const bytes = openSecret(deps.cipher, secret);
        return bytes.ok ? Buffer.from(bytes.value).toString("utf8") : undefined;
      },
    });
    return sendJson(reply, 200, { total: items.length, items, next: null });
  });
}
