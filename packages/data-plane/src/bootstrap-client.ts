import * as z from "zod";
import type { BootstrapRequest } from "./bootstrap-request.ts";
import {
  type CallControlPlane,
  type ControlPlane,
  explainTlsFailure,
  type HttpReply,
} from "./control-plane-http.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import type { Logger } from "./log.ts";

/** What {@link fetchBootstrap} needs from outside. */
export interface BootstrapClient {
  readonly controlPlane: ControlPlane;
  readonly call: CallControlPlane;
  readonly retryBackoffMs: number;
  readonly retryMaxMs: number;
  readonly log: Logger;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

const responseSchema = z.looseObject({ bootstrap: z.base64() });

const TRY_TIMEOUT_MS = 15_000;

type Attempt =
  | { readonly kind: "ok"; readonly bootstrap: string }
  | { readonly kind: "again"; readonly reason: string; readonly hint: string }
  | { readonly kind: "failed"; readonly error: LaunchError };

/**
 * Asks the control plane for the Envoy bootstrap and returns it as YAML text. Keeps trying while the control plane is
 * away or does not know the proxy yet; throws {@link LaunchError} for what only the user can mend.
 */
export async function fetchBootstrap(client: BootstrapClient, request: BootstrapRequest): Promise<string> {
  const body = JSON.stringify(request);
  const started = client.now();
  const hinted = new Set<string>();
  for (;;) {
    const attempt = await tryOnce(client, body);
    client.signal.throwIfAborted();
    if (attempt.kind === "ok") return attempt.bootstrap;
    if (attempt.kind === "failed") throw attempt.error;
    const elapsed = client.now() - started;
    if (elapsed + client.retryBackoffMs > client.retryMaxMs) {
      throw new LaunchError(
        "control-plane-unreachable",
        `No bootstrap from ${client.controlPlane.address} within ${seconds(client.retryMaxMs)}: ${attempt.reason}. ${attempt.hint}`,
      );
    }
    if (hinted.has(attempt.hint)) client.log.debug("still no bootstrap", { reason: attempt.reason });
    else {
      client.log.warn(
        `no bootstrap yet, trying again every ${seconds(client.retryBackoffMs)} for up to ${seconds(client.retryMaxMs)}. ${attempt.hint}`,
        { reason: attempt.reason },
      );
    }
    hinted.add(attempt.hint);
    await client.sleep(client.retryBackoffMs, client.signal);
  }
}

async function tryOnce(client: BootstrapClient, body: string): Promise<Attempt> {
  const { address } = client.controlPlane;
  try {
    const reply = await client.call(client.controlPlane, {
      method: "POST",
      path: "/bootstrap",
      headers: { accept: "application/json", "content-type": "application/json" },
      body,
      timeoutMs: TRY_TIMEOUT_MS,
      signal: client.signal,
    });
    return interpret(reply, address);
  } catch (error) {
    const explanation = explainTlsFailure(error, client.controlPlane);
    if (explanation !== undefined) {
      return {
        kind: "failed",
        error: new LaunchError("control-plane-untrusted", explanation, { cause: error }),
      };
    }
    return {
      kind: "again",
      reason: messageOf(error),
      hint: `Is a control plane listening at ${address}? Name another one with --cp-address.`,
    };
  }
}

function interpret(reply: HttpReply, address: string): Attempt {
  const text = reply.body.trim();
  if (reply.status === 200) return decode(reply.body);
  if (reply.status === 404 && text === "") {
    return {
      kind: "again",
      reason: "the control plane does not know this proxy",
      hint: "It must be created first, or described here with --dataplane-file.",
    };
  }
  if (reply.status === 404) {
    return rejected(
      `${address} has no /bootstrap (404: ${excerpt(text)}). Use the data-plane port of a zone control plane (5678 by default), not its API port (5681).`,
    );
  }
  if (reply.status >= 400 && reply.status < 500) {
    return rejected(
      `The control plane refused this proxy (${reply.status}): ${text === "" ? "no reason given" : excerpt(text)}`,
    );
  }
  return {
    kind: "again",
    reason: `the control plane answered ${reply.status}${text === "" ? "" : `: ${excerpt(text)}`}`,
    hint: "Its log says more.",
  };
}

function rejected(message: string): Attempt {
  return { kind: "failed", error: new LaunchError("bootstrap-rejected", message) };
}

function decode(body: string): Attempt {
  const parsed = responseSchema.safeParse(parseJson(body));
  if (parsed.success) {
    return { kind: "ok", bootstrap: Buffer.from(parsed.data.bootstrap, "base64").toString("utf8") };
  }
  return {
    kind: "failed",
    error: new LaunchError(
      "bootstrap-invalid",
      "The answer to /bootstrap is not a bootstrap response; is --cp-address a control plane of version 2.x?",
    ),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text;
}

function seconds(ms: number): string {
  return ms >= 60_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}
