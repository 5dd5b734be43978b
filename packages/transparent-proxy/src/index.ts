export type { Config } from "./config/config.ts";
export { type ConfigFile, type ConfigSources, ENV_PREFIX, loadConfig } from "./config/load.ts";
export { SettingError } from "./config/setting-error.ts";
export { type Setting, type SettingPath, settings } from "./config/settings.ts";
export type { Context } from "./context.ts";
export { install, type Outcome, previewInstall } from "./install.ts";
export { previewUninstall, type UninstallConfig, uninstall } from "./uninstall.ts";
