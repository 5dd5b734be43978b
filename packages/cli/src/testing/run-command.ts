import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { coreKinds, type KindDefinition } from "@skein/model";
import { stringify } from "yaml";
import * as z from "zod";
import type { Io } from "../io.ts";
import { createKinds } from "../kinds.ts";
import { type RunOptions, runCli } from "../run.ts";

/** The clock of every test. */
export const now = Date.parse("2026-11-23T12:00:00Z");

/** What a run left behind. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Sandbox extends Disposable {
  readonly home: string;
  /** Writes a file below the sandbox and answers its path. */
  readonly file: (name: string, content: string) => string;
  readonly path: (name: string) => string;
  readonly run: (...args: readonly string[]) => Promise<Outcome>;
}

export interface SandboxOptions {
  /** The active control plane's URL. */
  readonly url?: string;
  /** More of its `apiServer` entry. */
  readonly server?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly stdin?: string;
  readonly programName?: string;
  /** Default: the kinds of the model, and a MeshTimeout of the tests' own. */
  readonly loadKinds?: RunOptions["loadKinds"];
}

/** A home directory of its own, and the command line run inside this process. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const home = mkdtempSync(join(tmpdir(), "skeinctl-"));
  const path = (name: string): string => join(home, name);
  const file = (name: string, content: string): string => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
    return path(name);
  };
  if (options.url !== undefined) {
    const apiServer = { url: options.url, ...options.server };
    const config = {
      contexts: [{ name: "test", controlPlane: "test" }],
      controlPlanes: [{ name: "test", coordinates: { apiServer } }],
      currentContext: "test",
    };
    file(".kumactl/config", stringify(config));
  }
  return {
    home,
    file,
    path,
    run: (...args) => run(args, home, options),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}

async function run(args: readonly string[], home: string, options: SandboxOptions): Promise<Outcome> {
  let out = "";
  let err = "";
  const io: Io = {
    programName: options.programName ?? "skeinctl",
    env: options.env ?? {},
    home,
    stdoutIsTerminal: options.isTerminal ?? false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    readStdin: async () => options.stdin ?? "",
    now: () => now,
    isRoot: false,
    interruption: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => {} }),
  };
  const code = await runCli(args, io, { loadKinds: options.loadKinds ?? (async () => testKinds) });
  return { code, out, err };
}

const timeoutConf = z.object({
  idleTimeout: z.string().optional(),
  connectionTimeout: z.string().default("5s"),
});

/** A policy kind of the tests' own, so that they do not depend on the real ones. */
export const timeoutKind: KindDefinition = {
  type: "MeshTimeout",
  path: "meshtimeouts",
  shortName: "mt",
  scope: "Mesh",
  shape: "spec",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  cli: { singular: "meshtimeout", plural: "meshtimeouts" },
  displayName: { singular: "Mesh Timeout", plural: "Mesh Timeouts" },
  policy: { isTargetRef: true, hasTo: true, hasFrom: false, hasRules: false, isFromAsRules: false },
  description: "Timeouts.",
  spec: z.object({ to: z.array(z.object({ default: timeoutConf })).optional() }),
};

const testKinds = createKinds([...coreKinds, timeoutKind]);
