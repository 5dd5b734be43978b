import type { Config } from "./config.ts";
import { valueAt, withValue } from "./layers.ts";
import { settings } from "./settings.ts";

/** The configuration for people's eyes: every secret that is set reads `*****`. */
export function maskSecrets(config: Config): Config {
  let masked: Readonly<Record<string, unknown>> = { ...config };
  for (const { path, isSecret } of settings.values()) {
    const keys = path.split(".");
    if (isSecret && valueAt(config, keys) !== "") masked = withValue(masked, keys, "*****");
  }
  return masked as Config;
}
