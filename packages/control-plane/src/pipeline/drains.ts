import type { DataplaneResource } from "@skein/model";
import { z } from "zod";
import type { HttpAnswer } from "../bootstrap/handle.ts";
import { allTakenOut } from "../defaults/inbound-states.ts";
import type { DrainRequest } from "../dp-server/dp-server.ts";
import { parseJson } from "../parse-json.ts";
import type { Store } from "../store/store.ts";
import type { ChangeLog } from "./change-log.ts";

export interface DrainOptions {
  readonly store: Store;
  readonly changes: ChangeLog;
  /** Whether the token may act for this proxy; the error is a sentence. */
  readonly authorize: (
    token: string | undefined,
    dataplane: DataplaneResource,
  ) => Promise<{ readonly ok: true } | { readonly ok: false; readonly error: string }>;
}

const bodySchema = z.object({ mesh: z.string(), name: z.string() });

/**
 * The drain barrier: an instance says that it is going, its inbounds leave the endpoints of every client, and it
 * learns when the last client has acknowledged that.
 */
export class Drains {
  readonly #options: DrainOptions;
  /** Change that took each instance out, by proxy. */
  readonly #changeOf = new Map<string, number>();

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
    const { store, changes, authorize } = this.#options;
    const dataplane = store.get<DataplaneResource>({ type: "Dataplane", mesh, name });
    if (dataplane === undefined) return json({ pending: 0 });
    const allowed = await authorize(request.token, dataplane);
    if (!allowed.ok) return text(401, allowed.error);
    const id = `${mesh}/${name}`;
    if (request.method === "POST") {
      this.#changeOf.set(id, await this.#takeOut(dataplane));
    } else {
      const waited = this.#changeOf.get(id);
      if (waited === undefined) return text(404, `proxy "${name}" is not draining`);
      await changes.settled(waited, AbortSignal.timeout(waitMs(request.query.get("wait"))));
    }
    const change = this.#changeOf.get(id) ?? 0;
    const status = changes.status(change);
    const settled = status === undefined || status.state === "settled";
    const pending = settled ? 0 : Math.max(1, status.proxies.behind);
    return json({ revision: change, pending });
  }

  /** Whether a proxy has said that it goes. */
  isDraining({ mesh, name }: { readonly mesh: string; readonly name: string }): boolean {
    return this.#changeOf.has(`${mesh}/${name}`);
  }

  /** A proxy starts: it is not the one that drained. */
  forget(mesh: string, name: string): void {
    this.#changeOf.delete(`${mesh}/${name}`);
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
