import type { KindDefinition } from "@skein/model";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type AccessAction, checkAction, checkResource } from "../tokens/access.ts";
import type { User } from "../tokens/user.ts";
import type { ApiDeps } from "./deps.ts";
import { Problem, titles } from "./problem.ts";
import { isTls } from "./query.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answers without looking at credentials, not even at bad ones. */
    isPublic?: boolean;
  }
}

const users = new WeakMap<FastifyRequest, User>();

/** Finds out who asks before any handler runs. */
export function authenticateRequests(app: FastifyInstance, { authenticate, settings }: ApiDeps): void {
  const base = settings.basePath.replace(/\/+$/, "");
  app.addHook("onRequest", async (request) => {
    if (request.is404 || request.routeOptions.config.isPublic === true) return;
    const user = await authenticate({
      method: request.method,
      url: request.url.startsWith(base) ? request.url.slice(base.length) : request.url,
      remoteAddress: request.socket.remoteAddress,
      headers: request.headers,
      encrypted: isTls(request),
      hasVerifiedClientCert: "authorized" in request.socket && request.socket.authorized === true,
    });
    if (!user.ok) throw new Problem(401, titles.authentication, "Unauthenticated");
    users.set(request, user.value);
  });
}

/** Who sent the request. */
export function userOf(request: FastifyRequest): User {
  const user = users.get(request);
  if (!user) throw new Error(`${request.method} ${request.url} reads the user of a public route`);
  return user;
}

/** @throws Problem 403 when the caller may not use resources of this kind */
export function requireResourceAccess(request: FastifyRequest, deps: ApiDeps, kind: KindDefinition): void {
  const checked = checkResource(deps.access, userOf(request), kind);
  if (!checked.ok) throw new Problem(403, titles.access, checked.error);
}

/** @throws Problem 403 when the caller may not do this */
export function requireAction(
  request: FastifyRequest,
  deps: ApiDeps,
  action: Exclude<AccessAction, "adminResources">,
): void {
  const checked = checkAction(deps.access, userOf(request), action);
  if (!checked.ok) throw new Problem(403, titles.access, checked.error);
}
