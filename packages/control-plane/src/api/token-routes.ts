import { parseDuration, type Violation } from "@skein/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import type { Outcome } from "../identity/outcome.ts";
import {
  defaultTokenLifetimeMs,
  issueDataplaneToken,
  issueUserToken,
  issueZoneToken,
  type TokenIssueError,
  type TokenIssuer,
} from "../tokens/issue.ts";
import { requireAction } from "./authentication.ts";
import { jsonText, parseJson } from "./body.ts";
import type { ApiDeps } from "./deps.ts";
import { sendText } from "./json.ts";
import { invalid, Problem, titles } from "./problem.ts";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");

/** Bodies of requests for tokens. */
export const dataplaneTokenSchema = z.object({
  mesh: text,
  name: text,
  tags: z.record(z.string(), z.array(z.string())).nullish(),
  type: text,
  workload: text,
  validFor: text,
});
export const zoneTokenSchema = z.object({ zone: text, scope: z.array(z.string()).nullish(), validFor: text });
export const userTokenSchema = z.object({
  name: text,
  groups: z.array(z.string()).nullish(),
  validFor: text,
});

/** A body that is no request for a token at all: answered with 400 and nothing else, as clients know it. */
class Unreadable extends Error {}

/** `POST /tokens/{dataplane,zone,user}`: answers with the bare token. */
export function registerTokens(app: FastifyInstance, deps: ApiDeps): void {
  app.post("/tokens/dataplane", (request, reply) =>
    answer(reply, async () => {
      requireAction(request, deps, "generateDpToken");
      const { mesh, name, tags, type, workload, validFor } = bodyOf(request, dataplaneTokenSchema);
      const lifetime = lifetimeOf(validFor);
      requireValid([...lifetime.violations, ...required("mesh", mesh)]);
      return issueDataplaneToken(issuer(deps), {
        mesh,
        name,
        tags: tags ?? {},
        type,
        workload,
        validForMs: lifetime.ms ?? defaultTokenLifetimeMs,
      });
    }),
  );
  app.post("/tokens/zone", (request, reply) =>
    answer(reply, async () => {
      requireAction(request, deps, "generateZoneToken");
      const { zone, scope, validFor } = bodyOf(request, zoneTokenSchema);
      const lifetime = lifetimeOf(validFor);
      requireValid([
        ...lifetime.violations,
        ...(scope ? [] : [{ field: "scope", reason: "cannot be empty" }]),
      ]);
      return issueZoneToken(issuer(deps), {
        zone,
        scope: scope ?? [],
        validForMs: lifetime.ms ?? defaultTokenLifetimeMs,
      });
    }),
  );
  app.post("/tokens/user", (request, reply) =>
    answer(reply, async () => {
      requireAction(request, deps, "generateUserToken");
      const { name, groups, validFor } = bodyOf(request, userTokenSchema);
      const lifetime = lifetimeOf(validFor);
      const needsLifetime = lifetime.violations.length === 0 && !lifetime.ms;
      requireValid([
        ...required("name", name),
        ...lifetime.violations,
        ...(needsLifetime ? [{ field: "validFor", reason: "cannot be empty or nil" }] : []),
      ]);
      return issueUserToken(issuer(deps), { name, groups: groups ?? [], validForMs: lifetime.ms ?? 0 });
    }),
  );
}

async function answer(
  reply: FastifyReply,
  issue: () => Promise<Outcome<string, TokenIssueError>>,
): Promise<FastifyReply> {
  let issued: Outcome<string, TokenIssueError>;
  try {
    issued = await issue();
  } catch (error) {
    if (error instanceof Unreadable) return reply.code(400).send();
    throw error;
  }
  if (issued.ok) return sendText(reply, 200, issued.value);
  const { code, field, message } = issued.error;
  if (code === "signing-key-not-found") throw new Problem(404, titles.signingKey, message);
  if (code === "signing-key-unusable") throw new Problem(500, titles.token, message);
  throw invalid(titles.invalidRequest, [{ field: field ?? "", reason: message }]);
}

function bodyOf<T>(request: FastifyRequest, schema: z.ZodType<T>): T {
  const json = parseJson(jsonText(request));
  const parsed = "value" in json ? schema.safeParse(json.value) : undefined;
  if (!parsed?.success) throw new Unreadable();
  return parsed.data;
}

function issuer({ tokens }: ApiDeps): TokenIssuer {
  if (tokens) return tokens;
  throw new Problem(400, titles.token, "issuing tokens using the control plane is disabled.");
}

function lifetimeOf(validFor: string): { readonly ms?: number; readonly violations: readonly Violation[] } {
  if (validFor === "") return { violations: [] };
  const nanoseconds = parseDuration(validFor);
  if (nanoseconds === undefined || nanoseconds < 0n) {
    const reason = `"${validFor}" is not a duration such as 30m or 24h; there is no unit for days`;
    return { violations: [{ field: "validFor", reason }] };
  }
  return nanoseconds === 0n ? { violations: [] } : { ms: Number(nanoseconds / 1_000_000n), violations: [] };
}

function required(field: string, value: string): readonly Violation[] {
  return value === "" ? [{ field, reason: "cannot be empty" }] : [];
}

function requireValid(violations: readonly Violation[]): void {
  if (violations.length > 0) throw invalid(titles.invalidRequest, violations);
}
