import type { DataplaneResource } from "@skein/model";
import * as z from "zod";
import type { HttpAnswer } from "../bootstrap/handle.ts";
import { allTakenOut } from "../defaults/inbound-states.ts";
import type { DrainRequest } from "../dp-server/dp-server.ts";
import { parseJson } from "../parse-json.ts";
import type { Store } from "../store/store.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import type { ChangeLog } from "./change-log.ts";
import type { LiveFleet } from "./fleet.ts";

export interface DrainOptions {
  readonly store: Store;
  readonly changes: ChangeLog;
  /** Clients that are away go on calling whom they know. */
  readonly clients: Pick<LiveFleet, "away" | "reached" | "unreached">;
  /** Whether the token may act for this proxy; the error is a sentence. */
  readonly authorize: (
    token: string | undefined,
    dataplane: DataplaneResource,
  ) => Promise<{ readonly ok: true } | { readonly ok: false; readonly error: string }>;
}

const bodySchema = z.object({ mesh: z.string(), name: z.string() });

/** An instance that goes. */
interface Leaving {
  /** The change that took it out. */
  readonly change: number;
  /** Clients that have been away since, as all are after a start of the control plane: no change waits for those. */
  readonly away: Set<string>;
}

/**
 * The drain barrier: an instance says that it is going, its inbounds leave the endpoints of every client, and it
 * learns when the last client has acknowledged that, the ones included that are between two connections.
 */
export class Drains {
  readonly #options: DrainOptions;
  /** By proxy. */
  readonly #leaving = new Map<string, Leaving>();

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  async handle(request: DrainRequest): Promise<HttpAnswer> {
    const named =
      request.method === "POST"
        ? bodySchema.safeParse(parseJson(request.body))
        : bodySchema.safeParse({ mesh: request.query.get("mesh"), name: request.query.get("name") });
    if (!named.success) return text(400, "mesh and name of the proxy are needed");
    const { mesh, name } = named.data;
    const { store, changes, clients, authorize } = this.#options;
    const dataplane = store.get<DataplaneResource>({ type: "Dataplane", mesh, name });
    if (dataplane === undefined) return json({ pending: 0 });
    const allowed = await authorize(request.token, dataplane);
    if (!allowed.ok) return text(401, allowed.error);
    // Load balancers need the time to notice, and nobody knows how much.
    if (isBuiltinGateway(dataplane)) {
      return text(
        404,
        "clients of a built-in gateway are no proxies of the mesh, so nobody knows of the last one",
      );
    }
    const id = `${mesh}/${name}`;
    if (request.method === "POST") {
      const away = this.#away(mesh);
      away.delete(id);
      this.#leaving.set(id, { change: await this.#takeOut(dataplane), away });
    }
    const leaving = this.#leaving.get(id);
    if (leaving === undefined) return text(404, `proxy "${name}" is not draining`);
    const { change, away } = leaving;
    if (request.method !== "POST") {
      const signal = AbortSignal.timeout(waitMs(request.query.get("wait")));
      await changes.settled(change, signal);
      for (const client of this.#away(mesh)) away.add(client);
      await clients.reached(away, signal);
    }
    const status = changes.status(change);
    const behind =
      status === undefined || status.state === "settled" ? 0 : Math.max(1, status.proxies.behind);
    return json({ revision: change, pending: behind + clients.unreached(away).size });
  }

  /** Whether a proxy has said that it goes. */
  isDraining({ mesh, name }: { readonly mesh: string; readonly name: string }): boolean {
    return this.#leaving.has(`${mesh}/${name}`);
  }

  /** A proxy starts: it is not the one that drained. */
  forget(mesh: string, name: string): void {
    this.#leaving.delete(`${mesh}/${name}`);
  }

  /** Clients that are away and have not said that they go: those that have do not call any more. */
  #away(mesh: string): Set<string> {
    return new Set([...this.#options.clients.away(mesh)].filter((client) => !this.#leaving.has(client)));
  }

  async #takeOut(dataplane: DataplaneResource): Promise<number> {
    const { store } = this.#options;
    const { type, mesh, name, labels, owner } = dataplane;
    const spec = allTakenOut(dataplane.spec);
    const resource = { type, mesh, name, labels, spec, ...(owner === undefined ? {} : { owner }) };
    const { revision } = await store.write([{ op: "put", resource }]);
    return revision;
  }
}

const MAX_WAIT_MS = 30_000;

function waitMs(text: string | null): number {
  const seconds = Number(/^(\d+)s?$/.exec(text ?? "")?.[1] ?? 0);
  return Math.min(seconds * 1000, MAX_WAIT_MS);
}

function json(value: unknown): HttpAnswer {
  return { status: 200, contentType: "application/json", body: JSON.stringify(value) };
}

function text(status: number, message: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${message}\n` };
}
