import type { FastifyInstance } from "fastify";

/**
 * Lets pages of the listed origins use the API from a browser: exact origins, `*` for all, or regular expressions as
 * Kuma takes them. Does nothing for an empty list.
 */
export function allowOrigins(app: FastifyInstance, domains: readonly string[]): void {
  if (domains.length === 0) return;
  const isAllowed = (origin: string) =>
    domains.some(
      (domain) => domain === "*" || domain === ".*" || domain === origin || matches(domain, origin),
    );
  app.addHook("onRequest", async (request, reply) => {
    const origin = request.headers.origin;
    if (origin === undefined || !isAllowed(origin)) return;
    reply.header("access-control-allow-origin", origin).header("vary", "origin");
    const method = request.headers["access-control-request-method"];
    if (request.method !== "OPTIONS" || method === undefined) return;
    reply.header("access-control-allow-methods", "GET, PUT, POST, DELETE");
    reply.header("access-control-allow-headers", "content-type, authorization");
    await reply.code(200).send();
  });
}

function matches(domain: string, origin: string): boolean {
  try {
    return new RegExp(`^(?:${domain})$`).test(origin);
  } catch {
    return false;
  }
}
