import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../poll.ts";
import { workspaceCommands } from "../world/commands.ts";
import { APP, createStage, PROXY } from "./stage.ts";

/** A listener that Envoy has on a port of the redirection, and that passes on to where the connection was going. */
function listener(name: string, address: string, port: number): unknown {
  return {
    name,
    address: { socket_address: { address, port_value: port } },
    use_original_dst: true,
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.tcp_proxy",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
              stat_prefix: name,
              cluster: name,
              access_log: [
                {
                  name: "envoy.access_loggers.stdout",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                    log_format: { text_format_source: { inline_string: `${name} to %UPSTREAM_HOST%\n` } },
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function cluster(name: string, source?: string): unknown {
  return {
    name,
    type: "ORIGINAL_DST",
    lb_policy: "CLUSTER_PROVIDED",
    connect_timeout: "5s",
    ...(source === undefined
      ? {}
      : { upstream_bind_config: { source_address: { address: source, port_value: 0 } } }),
  };
}

test("through a real Envoy connections arrive, out and in, by IPv4 and IPv6, and none goes in circles", async () => {
  await using stage = await createStage({ proxy: false });
  const { here, there, call, network } = stage;
  await stage.check(["install", "transparent-proxy"]);
  const config = join(network.dir, "envoy.json");
  const names = ["out4", "out6", "in4", "in6"];
  writeFileSync(
    config,
    JSON.stringify({
      static_resources: {
        listeners: [
          listener("out4", "0.0.0.0", 15001),
          listener("out6", "::", 15001),
          listener("in4", "0.0.0.0", 15006),
          listener("in6", "::", 15006),
        ],
        clusters: [cluster("out4"), cluster("out6"), cluster("in4", "127.0.0.6"), cluster("in6", "::6")],
      },
    }),
    { mode: 0o644 },
  );
  const words = [workspaceCommands().envoy, "-c", config, "--concurrency", "1", "--use-dynamic-base-id"];
  const envoy = await here.start("envoy", words, { as: PROXY });
  const seen = (name: string): readonly string[] =>
    envoy
      .tail(200)
      .split("\n")
      .filter((line) => line.startsWith(`${name} to `));
  await until(
    `Envoy listens:\n${envoy.tail()}`,
    () => envoy.tail(200).includes("starting main dispatch loop"),
    { timeoutMs: 30_000 },
  );

  assert.equal(await call(here, there.ipv4, 80, { as: APP }), `there 80 from ${here.ipv4}`);
  assert.equal(await call(here, there.ipv6, 80, { as: APP }), `there 80 from ${here.ipv6}`);
  assert.equal(await call(there, here.ipv4, 8080), "app 8080 from 127.0.0.6");
  assert.equal(await call(there, here.ipv6, 8080), "app 8080 from ::6");
  await until("Envoy has logged each connection once", () => names.every((name) => seen(name).length > 0));
  assert.deepEqual(names.map(seen), [
    [`out4 to ${there.ipv4}:80`],
    [`out6 to [${there.ipv6}]:80`],
    [`in4 to ${here.ipv4}:8080`],
    [`in6 to [${here.ipv6}]:8080`],
  ]);

  // Without the proxy what is captured goes nowhere; without the rules all is as before.
  await envoy.stop();
  assert.match(await call(here, there.ipv4, 80, { as: APP }), /^nothing/);
  await stage.check(["uninstall", "transparent-proxy"]);
  assert.equal(await call(here, there.ipv4, 80, { as: APP }), `there 80 from ${here.ipv4}`);
  assert.equal(await call(there, here.ipv6, 8080), `app 8080 from ${there.ipv6}`);
});
