import type { Http2SecureServer } from "node:http2";
import { handleBootstrap } from "../bootstrap/handle.ts";
import { createDpServer } from "../dp-server/dp-server.ts";
import type { Foundation } from "./foundation.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Tokens } from "./tokens.ts";

/** What proxies and their launchers talk to. */
export function dataPlanePort(
  { config, store, labels, certificate, log }: Foundation,
  { xds, drains, agents }: Pipeline,
  tokens: Tokens,
): Http2SecureServer {
  return createDpServer({
    ...certificate,
    minVersion: config.general.tlsMinVersion === "TLSv1_3" ? "TLSv1.3" : "TLSv1.2",
    xds,
    bootstrap: (body, headers) =>
      handleBootstrap(
        {
          store,
          config,
          labels,
          serverCertPem: certificate.certPem,
          xdsPort: () => config.dpServer.port,
          needsToken: tokens.needsToken,
        },
        body,
        headers,
      ),
    drain: (request) => drains.handle(request),
    agent: (request) => agents.handle(request),
    log,
  });
}
