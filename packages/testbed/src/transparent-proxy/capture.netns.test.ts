import assert from "node:assert/strict";
import { test } from "node:test";
import { APP, createStage, FILTERS, PROXY, type Stage } from "./stage.ts";

const INSTALL = ["install", "transparent-proxy"];

for (const filter of FILTERS) {
  for (const version of ["IPv4", "IPv6"] as const) {
    const address = (host: Stage["here"]): string => (version === "IPv4" ? host.ipv4 : host.ipv6);
    const shown = (host: Stage["here"]): string => (version === "IPv4" ? host.ipv4 : `[${host.ipv6}]`);
    const local = version === "IPv4" ? "127.0.0.1" : "::1";

    test(`${filter}, ${version}: connections are captured, those of the proxy and within the host are not`, async () => {
      await using stage = await createStage({ proxy: true });
      const { here, there, call } = stage;
      const output = await stage.check(INSTALL, filter);
      assert.match(output.stdout, /^Traffic is redirected to the proxy/);

      for (const as of [undefined, APP]) {
        const caller = as === undefined ? {} : { as };
        assert.equal(await call(here, address(there), 80, caller), `captured 15001 for ${shown(there)}:80`);
        assert.match(await call(here, local, 8080, caller), /^app 8080 from/);
        assert.match(await call(here, address(here), 8080, caller), /^app 8080 from/);
      }
      // An address that nobody has, as a virtual one of the mesh.
      const virtual = version === "IPv4" ? "240.0.0.7" : "fd00:fd00::7";
      assert.equal(
        await call(here, virtual, 80, { as: APP }),
        `captured 15001 for ${version === "IPv4" ? virtual : `[${virtual}]`}:80`,
      );

      assert.equal(await call(here, address(there), 80, { as: PROXY }), `there 80 from ${address(here)}`);
      assert.match(await call(here, local, 8080, { as: PROXY }), /^app 8080 from/);
      assert.equal(
        await call(here, address(here), 8080, { as: PROXY }),
        `captured 15006 for ${shown(here)}:8080`,
      );
      assert.equal(await call(there, address(here), 8080), `captured 15006 for ${shown(here)}:8080`);
      // As it hands a connection of no known port on to the application.
      const passthrough = version === "IPv4" ? "127.0.0.6" : "::6";
      assert.equal(
        await call(here, address(here), 8080, { as: PROXY, source: passthrough }),
        `app 8080 from ${passthrough}`,
      );
      // DNS was not asked for.
      assert.equal(await call(here, address(there), 53, { udp: true }), `there 53 from ${address(here)}`);
    });

    test(`${filter}, ${version}: what is excluded is not captured, and nothing else is excluded`, async () => {
      await using stage = await createStage({ proxy: true });
      const { here, there, call } = stage;
      // Holds there, and not here.
      const network = `${address(there)}/${version === "IPv4" ? 30 : 126}`;
      await stage.check(
        [
          ...INSTALL,
          ...["--exclude-inbound-ports", "8081,8090-8095", "--exclude-outbound-ports=9001"],
          ...["--exclude-outbound-ports-for-uids", "tcp:9002,9100-9200:1230-1240"],
          ...["--exclude-outbound-ports-for-uids", "4321"],
        ],
        filter,
      );
      const captured = (port: number): string => `captured 15001 for ${shown(there)}:${port}`;
      const direct = (port: number): string => `there ${port} from ${address(here)}`;
      assert.equal(await call(there, address(here), 8081), `app 8081 from ${address(there)}`);
      assert.match(await call(there, address(here), 8080), /^captured 15006/);
      assert.equal(await call(here, address(there), 9001, { as: APP }), direct(9001));
      assert.equal(await call(here, address(there), 9002, { as: APP }), direct(9002));
      assert.equal(await call(here, address(there), 9002), captured(9002));
      assert.equal(await call(here, address(there), 80, { as: APP }), captured(80));
      assert.equal(await call(here, address(there), 80, { as: { uid: 4321 } }), direct(80));
      // The proxy finds an excluded inbound port where it is too.
      assert.match(await call(here, address(here), 8081, { as: PROXY }), /^app 8081/);

      // A second install replaces the first.
      await stage.check(
        [...INSTALL, "--exclude-outbound-ips", network, "--exclude-inbound-ips", `${address(there)}`],
        filter,
      );
      assert.equal(await call(here, address(there), 9001, { as: APP }), direct(9001));
      assert.equal(await call(there, address(here), 8080), `app 8080 from ${address(there)}`);
      assert.equal(
        await call(here, version === "IPv4" ? "240.0.0.7" : "fd00:fd00::7", 9001, { as: APP }),
        `captured 15001 for ${version === "IPv4" ? "240.0.0.7" : "[fd00:fd00::7]"}:9001`,
      );
    });

    test(`${filter}, ${version}: DNS over UDP to the named servers is captured, that of the proxy is not`, async () => {
      await using stage = await createStage({ proxy: true });
      const { here, there, call } = stage;
      const dns = (as?: { uid: number }, to = address(there)): Promise<string> =>
        call(here, to, 53, { udp: true, ...(as === undefined ? {} : { as }) });
      await stage.check(
        [...INSTALL, "--redirect-dns", "--exclude-outbound-ports-for-uids=udp:53:4321"],
        filter,
      );
      assert.equal(await dns(APP), "captured 15053");
      assert.equal(await dns(), "captured 15053");
      assert.equal(await dns(PROXY), `there 53 from ${address(here)}`);
      assert.equal(await dns({ uid: 4321 }), `there 53 from ${address(here)}`);
      assert.equal(
        await call(here, address(there), 53, { as: APP }),
        `there 53 from ${address(here)}`,
        "DNS over TCP",
      );
      const elsewhere = version === "IPv4" ? "203.0.113.53" : "fd00:fd00::53";
      here.resolvers(["203.0.113.53", "fd00:fd00::53"]);
      await stage.check([...INSTALL, "--redirect-dns"], filter);
      assert.equal(await dns(APP, elsewhere), "captured 15053");
      assert.equal(await dns(APP), `there 53 from ${address(here)}`, "a server that is no longer named");

      await stage.check([...INSTALL, "--redirect-all-dns-traffic"], filter);
      assert.equal(await dns(APP, elsewhere), "captured 15053");
      assert.equal(await dns(APP), "captured 15053");
      assert.equal(await dns({ uid: 4321 }), "captured 15053", "the exclusion is gone");
      assert.equal(await dns(PROXY), `there 53 from ${address(here)}`);
    });
  }

  test(`${filter}: directions can be left out, ports chosen, and one IP version left alone`, async () => {
    await using stage = await createStage({ proxy: true });
    const { here, there, call } = stage;
    await stage.check([...INSTALL, "--redirect-inbound=false", "--ip-family-mode", "ipv4"], filter);
    assert.match(await call(here, there.ipv4, 80, { as: APP }), /^captured 15001/);
    assert.match(await call(there, here.ipv4, 8080), /^app 8080/);
    assert.match(await call(here, here.ipv4, 8080, { as: PROXY }), /^app 8080/);
    assert.match(await call(here, there.ipv6, 80, { as: APP }), /^there 80/);

    // The ports the other way round: what comes in goes to 15001.
    await stage.check(
      [
        ...INSTALL,
        "--no-redirect-outbound",
        "--redirect-inbound-port=15001",
        "--redirect-outbound-port=15006",
      ],
      filter,
    );
    assert.match(await call(here, there.ipv4, 80, { as: APP }), /^there 80/);
    assert.equal(await call(there, here.ipv4, 8080), `captured 15001 for ${here.ipv4}:8080`);
    assert.equal(await call(there, here.ipv6, 8080), `captured 15001 for [${here.ipv6}]:8080`);
  });

  test(`${filter}: what comes from a network behind an interface is outbound`, async () => {
    await using stage = await createStage({ proxy: true });
    const { here, there, call } = stage;
    await stage.check([...INSTALL, "--redirect-dns", "--vnet", `eth+:${here.ipv4}/32`], filter);
    // To the network itself it is inbound, to anywhere else outbound.
    assert.equal(await call(there, here.ipv4, 8080), `captured 15006 for ${here.ipv4}:8080`);
    await there.check(["ip", "route", "add", "203.0.113.0/24", "via", here.ipv4]);
    assert.equal(await call(there, "203.0.113.7", 80), "captured 15001 for 203.0.113.7:80");
    assert.equal(await call(there, "203.0.113.53", 53, { udp: true }), "captured 15053");
  });
}

test("a DNS server of this machine asks on in peace where all DNS is captured", async () => {
  await using stage = await createStage({ proxy: true });
  const { here, there, call } = stage;
  const resolver = { uid: 4053 };
  await here.check(["tee", "/proc/sys/net/ipv4/ip_unprivileged_port_start"], { stdin: "53" });
  await stage.serve(here, "resolver", [53], resolver);
  here.resolvers(["127.0.0.1"]);
  const dns = (as: { uid: number }, to: string): Promise<string> => call(here, to, 53, { udp: true, as });
  const { stderr } = await stage.check([...INSTALL, "--redirect-all-dns-traffic"]);
  assert.match(stderr, /^Note: DNS of uid 4053 is not captured: it serves DNS on this machine/m);
  assert.equal(await dns(APP, "127.0.0.1"), "captured 15053");
  assert.equal(await dns(APP, there.ipv4), "captured 15053");
  assert.match(await dns(PROXY, "127.0.0.1"), /^resolver 53/);
  assert.equal(await dns(resolver, there.ipv4), `there 53 from ${here.ipv4}`);
});

test("in a container of Docker's own networks the proxy's DNS passes Docker's rules", async () => {
  await using stage = await createStage({ proxy: true });
  const { here, call } = stage;
  // As Docker does it: the server is on loopback, on a port of its own.
  await stage.serve(here, "docker", ["127.0.0.11:5353"]);
  here.resolvers(["127.0.0.11"]);
  const docker =
    "*nat\n:DOCKER_OUTPUT - [0:0]\n-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT\n-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:5353\nCOMMIT\n";
  await here.check(["iptables-nft-restore", "--noflush"], { stdin: docker });
  for (const flag of ["--redirect-dns", "--redirect-all-dns-traffic"]) {
    await stage.check([...INSTALL, flag]);
    assert.equal(await call(here, "127.0.0.11", 53, { udp: true, as: APP }), "captured 15053", flag);
    assert.match(await call(here, "127.0.0.11", 53, { udp: true, as: PROXY }), /^docker 5353/, flag);
  }
});

test("rules of others that come first stay first, unless ours are to be", async () => {
  await using stage = await createStage({ proxy: true });
  const { here, there, call } = stage;
  await stage.serve(here, "other", [7777]);
  await here.check([
    "iptables-nft",
    "-t",
    "nat",
    "-A",
    "OUTPUT",
    "-p",
    "tcp",
    "--dport",
    "80",
    "-j",
    "REDIRECT",
    "--to-ports",
    "7777",
  ]);
  await stage.check(INSTALL);
  assert.match(await call(here, there.ipv4, 80, { as: APP }), /^other 7777/);
  await stage.check([...INSTALL, "--redirect-outbound-insert-instead-of-append"]);
  assert.match(await call(here, there.ipv4, 80, { as: APP }), /^captured 15001/);
});
