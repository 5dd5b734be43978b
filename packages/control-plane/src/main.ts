#!/usr/bin/env node
import { Command } from "commander";
import { loadConfig } from "./config/load.ts";
import { startControlPlane } from "./control-plane.ts";
import { createLog, type LogLevel } from "./log.ts";
import { StartError } from "./start-error.ts";
import { VERSION } from "./version.ts";

interface RunFlags {
  readonly configFile?: string;
  readonly set: Readonly<Record<string, string>>;
  readonly logLevel: string;
}

const program = new Command("skein-cp")
  .description("The control plane of Skein: programs Envoy proxies over xDS.")
  .version(VERSION)
  .enablePositionalOptions();

program
  .command("run")
  .description("Run the control plane until it is stopped.")
  .option("-c, --config-file <file>", "configuration file (YAML)")
  .option("--set <path=value>", "one setting, such as apiServer.http.port=8081; may be repeated", collect, {})
  .option("--log-level <level>", "off, info or debug", "info")
  .action(run);

function collect(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  return at < 0 ? { ...before, [text]: "" } : { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

async function run(flags: RunFlags): Promise<void> {
  const level = flags.logLevel;
  if (!isLogLevel(level)) fail(`--log-level must be off, info or debug, not "${level}"`);
  const loaded = loadConfig({ file: flags.configFile, env: process.env, overrides: flags.set });
  if (!loaded.ok)
    fail(
      loaded.errors.map(({ field, reason }) => (field === "" ? reason : `${field}: ${reason}`)).join("\n"),
    );
  const log = createLog(level);
  for (const { level: severity, field, message } of loaded.warnings) {
    log[severity === "warning" ? "warn" : "info"]({ field }, message);
  }
  const controlPlane = await startControlPlane(loaded.config, log);
  const stopped = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.resolve(signal));
  log.info({ signal: await stopped.promise }, "stopping");
  await controlPlane.stop();
  log.info({}, "stopped");
}

function isLogLevel(text: string): text is LogLevel {
  return text === "off" || text === "info" || text === "debug";
}

function fail(message: string): never {
  process.stderr.write(`skein-cp: ${message}\n`);
  process.exit(1);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof StartError) fail(error.message);
  throw error;
}
