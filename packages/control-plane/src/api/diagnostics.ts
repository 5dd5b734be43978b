import fastify, { type FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { sendText } from "./json.ts";

export interface DiagnosticsDeps {
  /** Everything that this control plane serves is up. */
  readonly isReady: () => boolean;
  readonly metrics: Pick<Registry, "metrics" | "contentType">;
}

/** The diagnostics server: health, readiness and metrics, for probes and Prometheus. Does not listen yet. */
export function createDiagnostics({ isReady, metrics }: DiagnosticsDeps): FastifyInstance {
  const app = fastify({ exposeHeadRoutes: true, forceCloseConnections: "idle" });
  app.setNotFoundHandler((_request, reply) => sendText(reply, 404, "404: Page Not Found"));
  app.get("/healthy", async (_request, reply) => reply.code(200).send());
  app.get("/ready", async (_request, reply) => reply.code(isReady() ? 200 : 503).send());
  app.get("/metrics", async (_request, reply) =>
    reply.header("content-type", metrics.contentType).send(await metrics.metrics()),
  );
  return app;
}
