import { LineCounter, parseDocument } from "yaml";
import { type Config, toConfig } from "./config.ts";
import { SettingError } from "./setting-error.ts";
import { refusedSettings, type Setting, type SettingPath, type SettingValues, settings } from "./settings.ts";

/** A configuration file, in YAML or JSON. */
export interface ConfigFile {
  /** For messages. */
  readonly name: string;
  readonly text: string;
}

/** Where settings are said. A flag counts more than a variable, that more than a file, a later file more than an earlier. */
export interface ConfigSources {
  readonly files?: readonly ConfigFile[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What stood behind flags, by the path of their settings. */
  readonly flags?: Readonly<Partial<Record<SettingPath, unknown>>>;
}

/** Prefix of every variable. */
export const ENV_PREFIX = "KUMA_TRANSPARENT_PROXY_";

interface Said {
  readonly value: unknown;
  /** Where it was said, to begin a message with. */
  readonly where: string;
}

/**
 * Reads the configuration.
 *
 * @throws SettingError that names the file, variable or flag, for what is unknown, cannot be read, or contradicts.
 */
export function loadConfig(sources: ConfigSources): Config {
  const said = new Map<SettingPath, Said>();
  for (const file of sources.files ?? []) for (const [path, entry] of readFile(file)) said.set(path, entry);
  for (const path of settingPaths()) {
    const variable = `${ENV_PREFIX}${settings[path].env}`;
    const text = sources.env?.[variable];
    if (text !== undefined && text !== "") said.set(path, { value: text, where: variable });
    const flag: unknown = sources.flags?.[path];
    if (flag !== undefined) said.set(path, { value: flag, where: `--${flagOf(path)}` });
  }
  for (const { env, reason } of Object.values(refusedSettings)) {
    const text = sources.env?.[`${ENV_PREFIX}${env}`];
    if (text !== undefined && !["", "false", "0"].includes(text))
      throw new SettingError(`${ENV_PREFIX}${env}: ${reason}`);
  }
  const values = Object.fromEntries(settingPaths().map((path) => [path, resolved(path, said.get(path))]));
  // Each value was read by the reader of its own setting.
  return toConfig(values as SettingValues);
}

function settingPaths(): readonly SettingPath[] {
  return Object.keys(settings) as SettingPath[];
}

function flagOf(path: SettingPath): string {
  const described: Setting<unknown> = settings[path];
  return described.flag ?? path;
}

function resolved(path: SettingPath, said: Said | undefined): unknown {
  const { read, fallback }: Setting<unknown> = settings[path];
  if (said === undefined) return fallback;
  try {
    return read(said.value);
  } catch (error) {
    if (error instanceof SettingError)
      throw new SettingError(`${said.where}: ${error.message}`, { cause: error });
    throw error;
  }
}

function* readFile({ name, text }: ConfigFile): Generator<readonly [SettingPath, Said]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [problem] = document.errors;
  if (problem !== undefined) throw new SettingError(`${name}: ${problem.message}`, { cause: problem });
  const content: unknown = document.toJS();
  if (content === null || content === undefined) return;
  if (!isMapping(content))
    throw new SettingError(`${name}: it must be a mapping, such as "redirect: {dns: {enabled: true}}"`);
  yield* walk(content, [], name);
}

function* walk(
  content: Readonly<Record<string, unknown>>,
  above: readonly string[],
  name: string,
): Generator<readonly [SettingPath, Said]> {
  for (const [key, value] of Object.entries(content)) {
    const keys = [...above, key];
    const path = keys.join(".");
    const where = `${name}: ${path}`;
    const refused = refusedSettings[path];
    if (refused !== undefined) {
      if (value !== false && value !== "false") throw new SettingError(`${where}: ${refused.reason}`);
    } else if (isSetting(path)) {
      if (value !== null) yield [path, { value, where }];
    } else if (isMapping(value) && isGroup(path)) {
      yield* walk(value, keys, name);
    } else if (value !== null && !path.startsWith("ebpf.")) {
      const known = [
        ...new Set(
          allPaths()
            .filter((known) => known.startsWith(above.map((part) => `${part}.`).join("")))
            .map((known) => known.split(".")[above.length]),
        ),
      ];
      throw new SettingError(
        `${where}: ${isGroup(path) ? "it must be a mapping" : `there is no such field; here are ${known.join(", ")}`}`,
      );
    }
  }
}

function isSetting(path: string): path is SettingPath {
  return Object.hasOwn(settings, path);
}

function isGroup(path: string): boolean {
  return allPaths().some((known) => known.startsWith(`${path}.`));
}

function allPaths(): readonly string[] {
  return [...Object.keys(settings), ...Object.keys(refusedSettings)];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
