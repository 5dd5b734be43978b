import { join, resolve } from "node:path";
import type { Config } from "./config.ts";

/** Fills in the settings whose default is another setting. Afterwards `workDir` and `sqlite.path` are absolute. */
export function derive(config: Config, home: string): Config {
  const { general, store, apiServer, dpServer, diagnostics, bootstrapServer } = config;
  const workDir = resolve(general.workDir === "" ? join(home, ".kuma") : general.workDir);
  const withTls = <T extends { readonly tlsCertFile: string; readonly tlsKeyFile: string }>(server: T): T =>
    server.tlsCertFile === ""
      ? { ...server, tlsCertFile: general.tlsCertFile, tlsKeyFile: general.tlsKeyFile }
      : server;
  return {
    ...config,
    general: { ...general, workDir },
    store: {
      ...store,
      sqlite: { path: resolve(store.sqlite.path === "" ? join(workDir, "skein.db") : store.sqlite.path) },
    },
    apiServer: { ...apiServer, https: withTls(apiServer.https) },
    diagnostics: withTls(diagnostics),
    dpServer: {
      ...withTls(dpServer),
      authn: {
        ...dpServer.authn,
        dpProxy: { ...dpServer.authn.dpProxy, type: dpServer.authn.dpProxy.type || "dpToken" },
        zoneProxy: { ...dpServer.authn.zoneProxy, type: dpServer.authn.zoneProxy.type || "zoneToken" },
      },
    },
    bootstrapServer: {
      params: {
        ...bootstrapServer.params,
        xdsPort: bootstrapServer.params.xdsPort || dpServer.port,
      },
    },
  };
}
