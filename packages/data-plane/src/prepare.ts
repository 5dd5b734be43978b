import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Violation } from "@skein/model/violation";
import { fetchBootstrap } from "./bootstrap-client.ts";
import { adaptBootstrap, type BootstrapChanges, tokenSecretFile } from "./bootstrap-config.ts";
import { bootstrapRequest } from "./bootstrap-request.ts";
import { type CallControlPlane, type ControlPlane, callControlPlane } from "./control-plane-http.ts";
import {
  type ProxyResource,
  parseProxyResource,
  parseVariables,
  renderTemplate,
  type TemplateOutcome,
} from "./dataplane-template.ts";
import { findEnvoy, findOnPath, readEnvoyVersion } from "./envoy-binary.ts";
import { boundToParent, type Command, envoyCommand } from "./envoy-command.ts";
import { readHostFacts } from "./host-facts.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import { type LaunchPlan, writeLaunchPlan } from "./launch-plan.ts";
import type { Logger } from "./log.ts";
import { agentBootConfig, findOpa, opaCommand } from "./opa-command.ts";
import type { OpaOptions, RunOptions } from "./options.ts";
import { readToken, writeToken } from "./token-mirror.ts";
import type { TransparentProxy } from "./transparent-proxy.ts";
import { launcherVersion } from "./version.ts";
import { pause } from "./wait.ts";
import { openWorkDir, sweepWorkDirs, type WorkDir } from "./work-dir.ts";

export interface PrepareInputs {
  readonly options: RunOptions;
  /** `-v key=value` of the template. */
  readonly variables: readonly string[];
  /** How the machine redirects connections; `undefined`: not at all. */
  readonly transparentProxy?: TransparentProxy | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Default: the real thing. */
  readonly call?: CallControlPlane;
}

const CHECKOUT_ENVOY = fileURLToPath(new URL("../../../.tools/bin/envoy", import.meta.url));

/**
 * Does everything that comes before Envoy runs: reads the Dataplane, finds Envoy, asks the control plane for the
 * bootstrap, writes the work directory. Throws {@link LaunchError}, having removed a temporary work directory.
 */
export async function prepare(inputs: PrepareInputs): Promise<LaunchPlan> {
  const { options, log } = inputs;
  const resource = readResource(options, inputs.variables);
  const binary = findEnvoy(options.binaryPath, inputs.env, CHECKOUT_ENVOY);
  const envoyVersion = await readEnvoyVersion(binary);
  const token = readGivenToken(options);
  const ca = readCa(options);
  await sweepWorkDirs(tmpdir(), Date.now());
  const workDir = openWorkDir(options.workDir, tmpdir());
  try {
    const mesh = resource?.mesh ?? options.mesh ?? "default";
    const name = resource?.name ?? options.name ?? "";
    const controlPlane: ControlPlane = {
      address: options.cpAddress.href,
      ca,
      skipVerify: options.skipVerify,
    };
    log.info("asking the control plane for the bootstrap", {
      cp: options.cpAddress.href,
      mesh,
      name,
      envoy: envoyVersion.version,
    });
    const bootstrap = await fetchBootstrap(
      {
        controlPlane,
        call: inputs.call ?? callControlPlane,
        retryBackoffMs: options.retryBackoffMs,
        retryMaxMs: options.retryMaxMs,
        log,
        now: () => performance.now(),
        sleep: pause,
        signal: inputs.signal,
      },
      bootstrapRequest({
        options,
        mesh,
        name,
        resource: resource?.document,
        token,
        caCert: ca,
        workDir: workDir.path,
        launcherVersion: launcherVersion(),
        envoyVersion,
        host: readHostFacts(options.maxMemoryBytes),
        transparentProxy: inputs.transparentProxy,
      }),
    );
    const plan = await layOut(inputs, {
      workDir,
      mesh,
      name,
      bootstrap,
      token,
      ca,
      binary,
      controlPlane,
    });
    writeLaunchPlan(plan);
    return plan;
  } catch (error) {
    if (workDir.owned) rmSync(workDir.path, { recursive: true, force: true });
    if (inputs.signal.aborted) throw new LaunchError("interrupted", "Interrupted before Envoy was started.");
    throw error;
  }
}

/** Writes the agent's configuration and finds the program. */
function agentCommand(
  opa: OpaOptions,
  found: Findings,
  env: PrepareInputs["env"],
  files: { readonly ca: string; readonly tokenFile: string | undefined },
): Command {
  const binary = findOpa(opa.binaryPath, env.PATH);
  const configFile = opa.configPath ?? join(found.workDir.path, "opa.json");
  if (opa.configPath === undefined) {
    const config = agentBootConfig({
      mesh: found.mesh,
      name: found.name,
      extAuthzAddress: opa.extAuthzAddress,
      controlPlane: found.controlPlane,
      caFile: found.ca === undefined ? undefined : files.ca,
      tokenFile: files.tokenFile,
    });
    writeFileSync(configFile, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  }
  return opaCommand(binary, configFile, opa);
}

interface Findings {
  readonly workDir: WorkDir;
  readonly mesh: string;
  readonly name: string;
  readonly bootstrap: string;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly binary: string;
  readonly controlPlane: ControlPlane;
}

async function layOut(inputs: PrepareInputs, found: Findings): Promise<LaunchPlan> {
  const { options, log } = inputs;
  const { path } = found.workDir;
  const readiness = { address: options.readinessAddress, port: options.readinessPort };
  const files = {
    bootstrap: join(path, "bootstrap.yaml"),
    sds: join(path, "token-sds.yaml"),
    ca: join(path, "ca.pem"),
  };
  const tokenFile = placeToken(options, found.token, path);
  const changes: BootstrapChanges = {
    ...(tokenFile === undefined ? {} : { tokenSdsFile: files.sds }),
    ...(options.lean ? { readiness } : {}),
  };
  const adapted = adaptBootstrap(found.bootstrap, changes);
  if (adapted.token === "inline") {
    log.warn("this control plane's bootstrap fixes the token; a renewed one needs a restart of the proxy");
  }
  writeFileSync(files.bootstrap, adapted.text, { mode: 0o600 });
  if (tokenFile !== undefined)
    writeFileSync(files.sds, tokenSecretFile(tokenFile, dirname(tokenFile)), { mode: 0o600 });
  if (found.ca !== undefined) writeFileSync(files.ca, found.ca, { mode: 0o600 });
  const agent = options.opa && agentCommand(options.opa, found, inputs.env, { ca: files.ca, tokenFile });
  const command = envoyCommand({ binary: found.binary, configFile: files.bootstrap, options });
  const source =
    options.token === undefined && options.tokenFile !== undefined ? resolve(options.tokenFile) : undefined;
  return {
    mode: options.lean ? "lean" : "supervised",
    pid: process.pid,
    mesh: found.mesh,
    name: found.name,
    workDir: path,
    ownsWorkDir: found.workDir.owned,
    admin: adapted.admin,
    command: options.lean ? command : await bindToLauncher(command, inputs.env.PATH),
    ...(agent === undefined ? {} : { agent: await bindToLauncher(agent, inputs.env.PATH) }),
    controlPlane: {
      address: options.cpAddress.href,
      skipVerify: options.skipVerify,
      ...(found.ca === undefined ? {} : { caFile: files.ca }),
    },
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(source === undefined || source === tokenFile ? {} : { tokenSource: source }),
    drainTimeMs: options.drainTimeMs,
    readiness,
    log: { level: options.logLevel, json: options.logJson },
  };
}

/**
 * Where Envoy reads the token. Supervised: a copy that we keep equal to the user's file, however that is rewritten.
 * Lean: the user's file itself, since nobody stays to copy; Envoy follows it when it is replaced by a rename.
 */
function placeToken(options: RunOptions, token: string | undefined, workDir: string): string | undefined {
  if (token === undefined) return undefined;
  if (options.lean && options.token === undefined && options.tokenFile !== undefined)
    return resolve(options.tokenFile);
  const copy = join(workDir, "token");
  writeToken(copy, token);
  return copy;
}

async function bindToLauncher(command: Command, path: string | undefined): Promise<Command> {
  const setpriv = findOnPath("setpriv", path);
  if (setpriv === undefined) return command;
  const works = await new Promise<boolean>((done) => {
    execFile(setpriv, ["--pdeathsig", "TERM", "--", "true"], { timeout: 5_000 }, (error) =>
      done(error === null),
    );
  });
  return works ? boundToParent(setpriv, command) : command;
}

function readResource(options: RunOptions, variables: readonly string[]): ProxyResource | undefined {
  const { dataplaneFile } = options;
  const label = dataplaneFile === undefined || dataplaneFile === "-" ? "the Dataplane" : dataplaneFile;
  const template =
    options.dataplane ?? (dataplaneFile === undefined ? undefined : readDocument(dataplaneFile));
  if (template === undefined) return undefined;
  const text = orThrow(renderTemplate(template, orThrow(parseVariables(variables), "the variables")), label);
  return orThrow(parseProxyResource(text, options.proxyType), label);
}

function readDocument(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new LaunchError("invalid-dataplane", `The Dataplane cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function orThrow<T>(outcome: TemplateOutcome<T>, label: string): T {
  if (outcome.kind === "ok") return outcome.value;
  throw new LaunchError("invalid-dataplane", describeViolations(`${label} is not valid`, outcome.violations));
}

/** One line for one mistake, a list for several. */
export function describeViolations(what: string, violations: readonly Violation[]): string {
  const lines = violations.map(({ field, reason }) => `${field}: ${reason}`);
  return lines.length === 1
    ? `${what}: ${lines[0]}`
    : `${what}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function readGivenToken(options: RunOptions): string | undefined {
  if (options.token !== undefined) return options.token.trim();
  if (options.tokenFile === undefined) return undefined;
  try {
    const token = readToken(options.tokenFile);
    if (token !== "") return token;
  } catch (error) {
    throw new LaunchError("missing-token", `The token cannot be read: ${messageOf(error)}`, { cause: error });
  }
  throw new LaunchError(
    "missing-token",
    `${options.tokenFile} is empty; write a token with \`skeinctl generate dataplane-token\`.`,
  );
}

function readCa(options: RunOptions): string | undefined {
  if (options.caCert === undefined && options.caCertFile === undefined) return undefined;
  try {
    const pem = options.caCert ?? readFileSync(options.caCertFile ?? "", "utf8");
    if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  } catch (error) {
    throw new LaunchError("invalid-ca", `The CA cannot be read: ${messageOf(error)}`, { cause: error });
  }
  throw new LaunchError(
    "invalid-ca",
    `${options.caCertFile ?? "KUMA_CONTROL_PLANE_CA_CERT"} holds no PEM certificate.`,
  );
}
