import { homedir } from "node:os";
import type { Violation } from "@skein/model";
import { type Config, configSchema } from "./config.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { derive } from "./derive.ts";
import { valueAt, withValue } from "./layers.ts";
import { didYouMean, nearMiss } from "./near-miss.ts";
import { describeOrigin, type Origin } from "./origin.ts";
import { checkConfig } from "./rules.ts";
import { readText } from "./setting-text.ts";
import { type Setting, settings, settingsByEnvironment } from "./settings.ts";
import { findUnknownKeys, suggestPath } from "./unknown-keys.ts";
import { isForeignName, isUnusedName } from "./unused.ts";

/** Something the operator should know about a configuration that works. */
export interface ConfigNotice {
  readonly level: "info" | "warning";
  /** Path in the file, or environment name; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

/** What a start of the control plane hands over. */
export interface ConfigSources {
  /** YAML file of `-c`. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From flags: the text for a path such as `apiServer.http.port`. */
  readonly overrides?: Readonly<Record<string, string>>;
}

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly ConfigNotice[];
      /** By path, for every setting that was given; the others have their defaults. */
      readonly origins: Readonly<Record<string, Origin>>;
    }
  | { readonly ok: false; readonly errors: readonly Violation[] };

/**
 * The configuration from its sources: defaults, then the file, then the environment, then flags, the later winning.
 * Unknown keys and names warn, as deployments of other versions may have them; an unknown flag is a mistake of now and
 * is refused.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = sources.file === undefined ? EMPTY_FILE : readConfigFile(sources.file);
  if (!("content" in file)) return { ok: false, errors: file };
  const draft = new Draft(file, sources.file ?? "");
  for (const [name, text] of Object.entries(sources.env))
    if (text !== undefined) draft.setFromName(name, text);
  for (const [path, text] of Object.entries(sources.overrides ?? {})) draft.setFromFlag(path, text);
  return draft.finish(sources.env.HOME ?? homedir());
}

const EMPTY_FILE: ConfigFile = { content: {}, lineOf: () => 0 };

/** A configuration while its sources are laid over each other. */
class Draft {
  #content: Readonly<Record<string, unknown>>;
  readonly #origins: Record<string, Origin> = {};
  readonly #errors: Violation[] = [];
  readonly #notices: ConfigNotice[] = [];
  readonly #unused = new Set<string>();

  constructor(file: ConfigFile, fileName: string) {
    this.#content = file.content;
    for (const path of settings.keys()) {
      const keys = path.split(".");
      if (valueAt(file.content, keys) === undefined) continue;
      this.#origins[path] = { kind: "file", file: fileName, line: file.lineOf(keys) };
    }
    const findings = findUnknownKeys(file.content);
    for (const section of findings.unused) this.#unused.add(section);
    for (const { path, suggestion } of findings.unknown) {
      this.#warn(path, `${path} is not a setting, and is ignored${didYouMean(suggestion)}`);
    }
  }

  setFromName(name: string, text: string): void {
    const setting = settingsByEnvironment.get(name);
    if (setting) this.#set(setting, text, { kind: "environment", name });
    else if (isUnusedName(name)) this.#unused.add(name);
    else if (isOurs(name)) this.#reportUnknownName(name);
  }

  setFromFlag(path: string, text: string): void {
    const setting = settings.get(path);
    if (setting) this.#set(setting, text, { kind: "flag", name: `--set ${path}` });
    else this.#errors.push({ field: path, reason: `is not a setting${didYouMean(suggestPath(path))}` });
  }

  finish(home: string): LoadedConfig {
    this.#replaceStandalone();
    const parsed = configSchema.safeParse(this.#content);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) this.#refuse(fieldOf(issue.path), issue.message);
    }
    if (parsed.success) {
      for (const { field, reason } of checkConfig(parsed.data)) this.#refuse(field, reason);
    }
    if (!parsed.success || this.#errors.length > 0) return { ok: false, errors: this.#errors };
    return {
      ok: true,
      config: derive(parsed.data, home),
      warnings: [...this.#notices, ...this.#unusedNotice()],
      origins: this.#origins,
    };
  }

  #set(setting: Setting, text: string, origin: Origin): void {
    const read = readText(setting.kind, text);
    if (read === undefined) return;
    this.#origins[setting.path] = origin;
    if ("reason" in read) this.#refuse(setting.path, read.reason);
    else this.#content = withValue(this.#content, setting.path.split("."), read.value);
  }

  #refuse(field: string, reason: string): void {
    const origin = this.#origins[field.replace(/\[.*/, "")];
    const source = origin === undefined ? "" : ` (${describeOrigin(origin)})`;
    this.#errors.push({ field, reason: `${reason}${source}` });
  }

  #warn(field: string, message: string): void {
    this.#notices.push({ level: "warning", field, message });
  }

  #reportUnknownName(name: string): void {
    const suggestion = nearMiss(name, settingsByEnvironment.keys());
    const setting = [...settings.values()].find(({ env }) => env === name);
    const reason = setting
      ? `is for the configuration file only: set ${setting.path} there`
      : `is not a setting, and is ignored${didYouMean(suggestion)}`;
    this.#warn(name, `${name} ${reason}`);
  }

  #replaceStandalone(): void {
    if (this.#content.mode !== "standalone") return;
    this.#content = { ...this.#content, mode: "zone" };
    this.#warn("mode", 'mode "standalone" is deprecated and means "zone"; write "zone"');
  }

  #unusedNotice(): readonly ConfigNotice[] {
    if (this.#unused.size === 0) return [];
    const list = [...this.#unused].sort().join(", ");
    return [{ level: "info", field: "", message: `these settings have no effect in this build: ${list}` }];
  }
}

/** `SKEIN_` names belong to our other programs too, so only near misses of a setting count there. */
function isOurs(name: string): boolean {
  if (name.startsWith("SKEIN_")) return nearMiss(name, settingsByEnvironment.keys()) !== undefined;
  return name.startsWith("KUMA_") && !isForeignName(name);
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((field, key) => {
    if (typeof key === "number") return `${field}[${key}]`;
    return field === "" ? String(key) : `${field}.${String(key)}`;
  }, "");
}
