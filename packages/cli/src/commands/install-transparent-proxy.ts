import { readFile } from "node:fs/promises";
import {
  type Config,
  type ConfigFile,
  type Context,
  ENV_PREFIX,
  install,
  loadConfig,
  previewInstall,
  previewUninstall,
  SettingError,
  type SettingPath,
  settings,
  uninstall,
} from "@skein/transparent-proxy";
import { refusedSettings, type Setting } from "@skein/transparent-proxy/config/settings";
import { CliError, usageError } from "../exit.ts";
import type { Io } from "../io.ts";
import { uninstallSettings } from "../program/install-commands.ts";
import type { Session } from "../session.ts";

/** What stood behind the flags, by their names in camel case. */
export interface InstallOptions {
  readonly config?: readonly string[];
  readonly [flag: string]: unknown;
}

/** `install transparent-proxy`. */
export async function installTransparentProxy(
  { io }: Session,
  options: InstallOptions,
  configFile: string | undefined,
): Promise<void> {
  refuse(options);
  const names = [
    ...(configFile === undefined ? [] : [configFile]),
    ...(options.config ?? []).flatMap((list) => list.split(",")),
  ];
  const files: ConfigFile[] = [];
  for (const name of names.map((part) => part.trim()).filter((part) => part !== ""))
    files.push(await read(name, io));
  const config = understood(() =>
    loadConfig({ files, env: io.env, flags: flagsOf(options, Object.keys(settings) as SettingPath[]) }),
  );
  if (config.dryRun) return await onMachine(io, (context) => previewInstall(config, context, io.isRoot));
  requireRoot(
    io,
    "only root can change this machine's packet filter",
    "install transparent-proxy",
    ", or see with --dry-run what it would do",
  );
  await onMachine(io, async (context) => {
    const { changed, backend } = await install(config, context);
    io.out(
      changed
        ? `Traffic is redirected to the proxy (rules in ${backend}); start it with --transparent-proxy\n`
        : `Nothing to change: the rules are there (${backend})\n`,
    );
  });
}

/** `uninstall transparent-proxy`. */
export async function uninstallTransparentProxy({ io }: Session, options: InstallOptions): Promise<void> {
  const config = understood(() =>
    loadConfig({ env: uninstallEnv(io), flags: flagsOf(options, uninstallSettings) }),
  );
  requireRoot(io, "only root can see and change this machine's packet filter", "uninstall transparent-proxy");
  await onMachine(io, async (context) => {
    if (config.dryRun) return await previewUninstall(config, context);
    const { changed, backend } = await uninstall(config, context);
    io.out(
      changed
        ? `Traffic is no longer redirected (rules removed from ${backend})\n`
        : "Nothing to remove: there are no rules of the transparent proxy\n",
    );
  });
}

/** What was meant for an install must not keep anybody from taking it away. */
function uninstallEnv({ env }: Io): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    uninstallSettings.map((path) => `${ENV_PREFIX}${settings[path].env}`).map((name) => [name, env[name]]),
  );
}

function flagsOf(
  options: InstallOptions,
  paths: readonly SettingPath[],
): Readonly<Partial<Record<SettingPath, unknown>>> {
  const flags = Object.fromEntries(
    paths.flatMap((path) => {
      const { flag }: Setting<unknown> = settings[path];
      return flag === undefined ? [] : [[path, options[camelCase(flag)]]];
    }),
  );
  const formerUser = options.kumaDpUid;
  return formerUser === undefined || flags.kumaDPUser !== undefined
    ? flags
    : { ...flags, kumaDPUser: formerUser };
}

/** As commander names the attribute of an option. */
function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function refuse(options: InstallOptions): void {
  for (const { flags, reason } of Object.values(refusedSettings)) {
    const name = flags
      .map((flag) => flag.slice(2).replace(/ .*/, ""))
      .find((flag) => options[camelCase(flag)] !== undefined);
    if (name !== undefined) throw usageError(`--${name}: ${reason}`);
  }
}

async function read(name: string, io: Io): Promise<ConfigFile> {
  if (name === "-") return { name: "stdin", text: await io.readStdin() };
  try {
    return { name, text: await readFile(name, "utf8") };
  } catch (error) {
    throw new CliError(`cannot read ${name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function understood(load: () => Config): Config {
  try {
    return load();
  } catch (error) {
    if (error instanceof SettingError) throw usageError(error.message);
    throw error;
  }
}

function requireRoot(io: Io, why: string, command: string, otherwise = ""): void {
  if (io.isRoot) return;
  throw new CliError(
    `${why}: run it with sudo (sudo ${io.programName} ${command} …)${otherwise}; nothing was changed`,
  );
}

/** Whatever goes wrong with a machine is told, and is no mistake of this program. */
async function onMachine(io: Io, work: (context: Context) => Promise<void>): Promise<void> {
  using interruption = io.interruption();
  try {
    await work({
      env: io.env,
      signal: interruption.signal,
      print: (text) => io.out(`${text}\n`),
      note: (sentence) => io.err(`Note: ${sentence}\n`),
      warn: (sentence) => io.err(`WARNING: ${sentence}\n`),
    });
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) throw error;
    throw new CliError(error.message, { cause: error });
  }
}
