import type { DataplaneResource } from "@skein/model";
import type { MeshOpaConf } from "@skein/policies/mesh-opa/conf";
import type { Secrets } from "../identity/secrets.ts";
import type { Change } from "../store/store.ts";
import { type AgentOf, discoveryContent, rulesContent } from "./agent-content.ts";
import { type AgentKey, type AgentPart, AgentVersions } from "./agent-versions.ts";
import { type BundleContent, bundleArchive, revisionOf } from "./archive.ts";

/** A question of an agent, on the data plane port. */
export interface AgentRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** `authorization`, `if-none-match` and `prefer`. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

/** What an agent gets. */
export interface AgentAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AgentServerOptions {
  readonly secrets: Secrets;
  /** What the plan of a proxy says of its agent. */
  readonly confOf: (mesh: string, name: string) => MeshOpaConf | undefined;
  /** Whether the token may act for this proxy; the error is a sentence. */
  readonly authorize: (
    token: string | undefined,
    dataplane: DataplaneResource,
  ) => Promise<{ readonly ok: true } | { readonly ok: false; readonly error: string }>;
  /** A change is not settled until the returned function is called. */
  readonly hold: (revision: number, mesh: string) => () => void;
  readonly log: { warn(message: string, fields?: Readonly<Record<string, unknown>>): void };
}

/** What says to an agent that its questions may stay open until there is something new. */
const BUNDLES = "application/vnd.openpolicyagent.bundles";
const PATH = /^\/opa\/([^/]+)\/([^/]+)\/(bundle|discovery)\.tar\.gz$/;
const MAX_WAIT_MS = 60_000;
/** An agent takes up what it gets in far less; one that takes longer is not waited for. */
const PATIENCE_MS = 10_000;
const DEFAULT_ADDRESS = "localhost:9191";
/** What may be another content for any agent of the mesh. */
const FOR_ALL: ReadonlySet<string> = new Set(["MeshOPA", "Secret"]);

/** A question that stays open. */
interface Waiting {
  readonly name: string;
  /** Answers if there is something new, and says whether. Never throws: it is called where changes are told to everybody. */
  readonly look: () => boolean;
}

/**
 * Serves the agents of proxies what they decide by, as OPA's bundle protocol has it: a question that names the version
 * the agent has (`If-None-Match`) and how long it would wait (`Prefer: wait=30`) is answered when there is another.
 */
export class AgentServer {
  readonly #options: AgentServerOptions;
  /** Questions that stay open, by mesh. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #versions: AgentVersions;
  /** Under which address each agent serves its Envoy, as it said. */
  readonly #addresses = new Map<string, string>();
  #closed = false;

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.#versions = new AgentVersions({
      wanted: (agent) => this.#wanted(agent),
      patienceMs: PATIENCE_MS,
      log: options.log,
    });
  }

  async handle({ path, query, headers, gone }: AgentRequest): Promise<AgentAnswer> {
    const [, mesh = "", name = "", found] = PATH.exec(path)?.map(decoded) ?? [];
    if (found === undefined) return text(404, "404: Page Not Found");
    const part: AgentPart = found === "bundle" ? "bundle" : "discovery";
    if (this.#closed) return text(503, "the control plane is stopping");
    const { secrets, authorize } = this.#options;
    const dataplane = secrets.store.get<DataplaneResource>({ type: "Dataplane", mesh, name });
    if (dataplane === undefined) return text(404, `there is no Dataplane "${name}" in mesh "${mesh}"`);
    const allowed = await authorize(headers.authorization?.replace(/^Bearer +/i, ""), dataplane);
    if (!allowed.ok) return text(401, allowed.error);
    const key = { mesh, name };
    if (part === "discovery") this.#addresses.set(`${mesh}/${name}`, query.get("addr") ?? DEFAULT_ADDRESS);
    const content = () => this.#content(key, part);
    const known = /"([^"]*)"/.exec(headers["if-none-match"] ?? "")?.[1];
    this.#versions.asked(key, part, known);
    const current = await this.#newerThan(known, content, dataplane, waitMs(headers.prefer), gone);
    const revision = revisionOf(current);
    const etag = { etag: `"${revision}"` };
    if (revision === known) return { status: 304, contentType: BUNDLES, body: "", headers: etag };
    this.#versions.handed(key, part, revision);
    return { status: 200, contentType: BUNDLES, body: bundleArchive(current), headers: etag };
  }

  /**
   * Takes note of committed changes: an agent is concerned by policies, by Secrets, and by its own Dataplane. The changes
   * wait for the agents that are told something new.
   */
  changed(changes: readonly Change[]): void {
    const concerned = new Map<Waiting, { readonly mesh: string; readonly revisions: Set<number> }>();
    for (const { before, after, revision } of changes) {
      const { type = "", mesh = "", name = "" } = after ?? before ?? {};
      if (type === "Dataplane" && after === undefined) this.#forget({ mesh, name });
      if (!FOR_ALL.has(type) && type !== "Dataplane") continue;
      for (const waiting of this.#waiting.get(mesh) ?? []) {
        if (type === "Dataplane" && waiting.name !== name) continue;
        const { revisions } = concerned.get(waiting) ?? { revisions: new Set<number>() };
        concerned.set(waiting, { mesh, revisions: revisions.add(revision) });
      }
    }
    for (const [{ look, name }, { mesh, revisions }] of concerned) {
      if (!look()) continue;
      for (const revision of revisions)
        this.#versions.hold({ mesh, name }, this.#options.hold(revision, mesh));
    }
  }

  /** Answers all questions that are open, and takes no more: an agent that finds nobody waits before it asks again. */
  close(): void {
    this.#closed = true;
    for (const open of [...this.#waiting.values()]) for (const { look } of [...open]) look();
    this.#versions.close();
  }

  #content({ mesh, name }: AgentKey, part: AgentPart): BundleContent {
    const { secrets, confOf } = this.#options;
    const agent: AgentOf = { mesh, name, conf: confOf(mesh, name) };
    return part === "bundle"
      ? rulesContent(secrets, agent)
      : discoveryContent(secrets, agent, this.#addresses.get(`${mesh}/${name}`) ?? DEFAULT_ADDRESS);
  }

  #wanted(key: AgentKey): ReadonlyMap<AgentPart, string> {
    const hasRules = (this.#options.confOf(key.mesh, key.name)?.appendPolicies ?? []).length > 0;
    const parts: readonly AgentPart[] = hasRules ? ["discovery", "bundle"] : ["discovery"];
    return new Map(parts.map((part) => [part, revisionOf(this.#content(key, part))]));
  }

  #forget(key: AgentKey): void {
    this.#versions.forget(key);
    this.#addresses.delete(`${key.mesh}/${key.name}`);
  }

  #newerThan(
    known: string | undefined,
    content: () => BundleContent,
    { mesh, name }: DataplaneResource,
    ms: number,
    gone: AbortSignal,
  ): Promise<BundleContent> | BundleContent {
    const first = content();
    if (ms === 0 || gone.aborted || revisionOf(first) !== known) return first;
    const open = this.#waiting.get(mesh) ?? new Set();
    this.#waiting.set(mesh, open);
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        gone.removeEventListener("abort", end);
        open.delete(waiting);
        if (open.size === 0) this.#waiting.delete(mesh);
        try {
          resolve(gone.aborted ? first : content());
        } catch (error) {
          reject(error);
        }
      };
      const isNew = () => {
        try {
          return revisionOf(content()) !== known;
        } catch {
          return true;
        }
      };
      const look = () => {
        const isOver = this.#closed || isNew();
        if (isOver) end();
        return isOver;
      };
      const timer = setTimeout(end, ms);
      timer.unref();
      gone.addEventListener("abort", end);
      const waiting = { name, look };
      open.add(waiting);
    });
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function waitMs(prefer: string | undefined): number {
  const seconds = Number(/(?:^|[;,\s])wait=(\d+)/.exec(prefer ?? "")?.[1] ?? 0);
  return Math.min(seconds * 1000, MAX_WAIT_MS);
}

function text(status: number, message: string): AgentAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${message}\n` };
}
