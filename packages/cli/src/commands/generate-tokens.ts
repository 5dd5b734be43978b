import { parseDuration, toGoDuration } from "../duration.ts";
import { CliError, usageError } from "../exit.ts";
import { parseKeyValues } from "../key-values.ts";
import type { Session } from "../session.ts";

/** Options that all kinds of tokens share. */
export interface TokenOptions {
  readonly validFor: string;
  readonly signingKeyPath?: string;
  readonly kid?: string;
}

export interface DataplaneTokenOptions extends TokenOptions {
  readonly mesh: string;
  readonly name?: string;
  readonly tag: readonly string[];
  readonly workload?: string;
  readonly proxyType?: string;
}

/** `generate dataplane-token`: proves to the control plane which proxy is speaking. */
export async function generateDataplaneToken(
  session: Session,
  options: DataplaneTokenOptions,
): Promise<void> {
  const tags: Record<string, readonly string[]> = {};
  for (const [key, value] of parseKeyValues("--tag", options.tag)) {
    tags[key] = [...(tags[key] ?? []), ...value.split(",")];
  }
  const type = oneOf("--proxy-type", options.proxyType ?? "", ["", "dataplane", "ingress", "egress"]);
  const { mesh, name = "", workload = "" } = options;
  const claims = { Name: name, Mesh: mesh, Tags: tags, Type: type, Workload: workload };
  await issue(session, options, "/tokens/dataplane", { mesh, name, tags, type, workload }, claims);
}

export interface ZoneTokenOptions extends TokenOptions {
  readonly zone: string;
  readonly scope: readonly string[];
}

/** `generate zone-token`: proves which zone a zone ingress, a zone egress or a zone's control plane belongs to. */
export async function generateZoneToken(session: Session, options: ZoneTokenOptions): Promise<void> {
  const given = options.scope.flatMap((part) => part.split(","));
  const scope = given.length === 0 ? ["ingress", "egress"] : given;
  for (const part of scope) oneOf("--scope", part, ["ingress", "egress", "cp"]);
  const claims = { Zone: options.zone, Scope: scope };
  await issue(session, options, "/tokens/zone", { zone: options.zone, scope }, claims);
}

export interface UserTokenOptions extends TokenOptions {
  readonly name: string;
  readonly group: readonly string[];
}

/** `generate user-token`: a person's or a script's access to the API. */
export async function generateUserToken(session: Session, options: UserTokenOptions): Promise<void> {
  const { name, group: groups } = options;
  await issue(session, options, "/tokens/user", { name, groups }, { Name: name, Groups: groups });
}

async function issue(
  session: Session,
  { validFor, signingKeyPath, kid }: TokenOptions,
  path: string,
  request: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
): Promise<void> {
  const validForMs = parseDuration(validFor);
  if (validForMs === undefined || validForMs === 0) {
    throw usageError(`--valid-for "${validFor}" is not a duration; write it like 720h or 30d`);
  }
  if (signingKeyPath === undefined) {
    if (kid !== undefined)
      throw usageError("--kid needs --signing-key-path: the control plane picks its own key");
    const client = await session.client();
    const response = await client.call("POST", path, {
      body: { ...request, validFor: toGoDuration(validForMs) },
    });
    session.io.out(response.body);
    return;
  }
  if (kid === undefined)
    throw usageError("--signing-key-path needs --kid: the control plane finds the key by it");
  const { readSigningKey, signToken } = await import("../tokens/sign-token.ts");
  session.io.out(
    signToken(claims, { key: readSigningKey(signingKeyPath), kid, validForMs, nowMs: session.io.now() }),
  );
}

function oneOf(flag: string, value: string, choices: readonly string[]): string {
  if (choices.includes(value)) return value;
  throw new CliError(
    `${flag} "${value}" must be one of ${choices.filter((choice) => choice !== "").join(", ")}`,
    {
      exitCode: 2,
    },
  );
}
