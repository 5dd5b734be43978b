import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { readBundle } from "./bundle.ts";

/** A service as OPA's configuration has it, as far as it is needed here. */
export interface BundleService {
  readonly url: string;
  readonly credentials?: { readonly bearer?: { readonly token_path: string } };
  readonly tls?: { readonly ca_cert?: string };
}

const WAIT_S = 30;
const RETRY_MS = 200;

/**
 * Follows a bundle as OPA does: asks for another than the one it has, and waits for the answer. `take` gets the files of
 * each; one that it throws at is not had, and so asked for again. Ends with the signal.
 */
export async function followBundle(
  service: BundleService,
  resource: string,
  take: (files: Readonly<Record<string, string>>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let etag: string | undefined; !signal.aborted; ) {
    try {
      const answer = await ask(service, resource, etag, signal);
      if (answer.status === 304) continue;
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString("utf8").trim()}`);
      // A bundle that cannot be loaded is not asked for again: only another one can be better.
      etag = answer.etag;
      await take(readBundle(answer.body));
    } catch (error) {
      if (signal.aborted) return;
      process.stderr.write(`opa: ${resource}: ${String(error)}\n`);
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

interface BundleAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: Buffer;
}

function ask(
  { url, credentials, tls }: BundleService,
  resource: string,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<BundleAnswer> {
  const token = credentials?.bearer && readFileSync(credentials.bearer.token_path, "utf8").trim();
  const headers = {
    prefer: `modes=snapshot,delta;wait=${WAIT_S}`,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(etag === undefined ? {} : { "if-none-match": etag }),
  };
  const ca = tls?.ca_cert === undefined ? {} : { ca: readFileSync(tls.ca_cert) };
  return new Promise((resolve, reject) => {
    const answered = async (response: IncomingMessage): Promise<BundleAnswer> => ({
      status: response.statusCode ?? 0,
      etag: response.headers.etag,
      body: Buffer.concat(await response.toArray()),
    });
    request(new URL(resource, url), { headers, signal, ...ca }, (response) => {
      answered(response).then(resolve, reject);
    })
      .on("error", reject)
      .end();
  });
}
