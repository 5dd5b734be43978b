import type { CallAnswer, EchoAnswer } from "../apps/answer.ts";
import type { Talk } from "../apps/talk.ts";
import type { World } from "../world/world.ts";

/** What happened to one real request from one app to another, through both sidecars. */
export interface CallResult {
  readonly from: string;
  readonly to: string;
  /** 0 where no HTTP answer came back. */
  readonly status: number;
  /** Who the called app says called it; null where it was reached without an identity. */
  readonly caller: string | null;
  /** Instance that answered, where one did. */
  readonly instance: string | undefined;
  /** Version that answered, where one did. */
  readonly version: string | undefined;
  /** What came back instead of the app's answer: the sidecar's refusal, or the connection's error. */
  readonly detail: string;
}

/** Base URL of an app itself, past its sidecar. */
export function appUrl(world: World, name: string): string {
  const part = world.parts.find((candidate) => candidate.kind === "app" && candidate.name === name);
  if (part?.host === undefined) throw new Error(`no app named ${name} runs in this world`);
  return `http://${world.site.block.address(part.host + 100)}:8080`;
}

/** Has the app `from` call the service `to`; `path` begins with `/`. */
export async function callThrough(world: World, from: string, to: string, path = "/"): Promise<CallResult> {
  const answer = await fetch(`${appUrl(world, from)}/call/${to}${path}`);
  const body: unknown = await answer.json();
  if (!isCallAnswer(body)) throw new Error(`${from}: ${JSON.stringify(body)}`);
  const { status, body: inner, error } = body.call;
  const echo = isEcho(inner) ? inner : undefined;
  return {
    from,
    to,
    status,
    caller: echo?.caller ?? null,
    instance: echo?.instance,
    version: echo?.version,
    detail:
      error ??
      (echo === undefined ? String(typeof inner === "string" ? inner : JSON.stringify(inner)).trim() : ""),
  };
}

/** Has the app `from` open a connection of bytes to `to`: one line that says how far the conversation came. */
export async function talkThrough(world: World, from: string, to: string): Promise<string> {
  const answer = await fetch(`${appUrl(world, from)}/talk/${to}`);
  const body: unknown = await answer.json();
  if (!isTalk(body)) throw new Error(`${from}: ${JSON.stringify(body)}`);
  const { greeting, answered } = body;
  const outcome =
    greeting === null ? "closed" : `greeted by ${greeting}, then ${answered ? "answered" : "closed"}`;
  return `${from} -> ${to}  ${outcome}`;
}

/** Sets what the app of an instance says when it is asked whether it is well. */
export async function setHealth(world: World, name: string, status: number): Promise<void> {
  await (await fetch(`${appUrl(world, name)}/health?status=${status}`)).body?.cancel();
}

/** Has `from` call `to` so many times, some at once; counts who answered: `check-in-api v1`, or `status 503`. */
export async function sample(
  world: World,
  from: string,
  to: string,
  count: number,
  atOnce = 8,
): Promise<ReadonlyMap<string, number>> {
  const answered = new Map<string, number>();
  let left = count;
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const { status, version } = await callThrough(world, from, to);
      const who = version === undefined ? `status ${status}` : `${to} ${version}`;
      answered.set(who, (answered.get(who) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return new Map([...answered].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One line: `passenger-portal -> check-in-api  200  caller spiffe://…`. */
export function describeCall(result: CallResult): string {
  const head = `${result.from} -> ${result.to}  ${result.status === 0 ? "---" : result.status}`;
  if (result.instance === undefined) return `${head}  ${result.detail}`;
  const instance = result.instance === result.to ? "" : `  from ${result.instance}`;
  return `${head}${instance}  caller ${result.caller ?? "unknown"}`;
}

function isCallAnswer(value: unknown): value is CallAnswer {
  return typeof value === "object" && value !== null && "call" in value;
}

function isTalk(value: unknown): value is Talk {
  return typeof value === "object" && value !== null && "greeting" in value;
}

function isEcho(value: unknown): value is EchoAnswer {
  return typeof value === "object" && value !== null && "service" in value && "path" in value;
}
