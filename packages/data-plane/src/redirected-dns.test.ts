import assert from "node:assert/strict";
import { test } from "node:test";
import { addressesOfInterfaces } from "./host-facts.ts";
import { LaunchError } from "./launch-error.ts";
import { type RunOptions, resolveOptions } from "./options.ts";
import { withRedirectedDns } from "./redirected-dns.ts";
import type { FlagValues } from "./settings.ts";

function options(flags: FlagValues): RunOptions {
  const outcome = resolveOptions({ name: "web", transparentProxy: true, ...flags }, {});
  assert.ok(outcome.kind === "ok");
  return outcome.options;
}

const rules = (dnsPort: number | undefined, interfaces: readonly string[] = []) => ({ dnsPort, interfaces });

function refusal(flags: FlagValues, dnsPort: number): string {
  try {
    withRedirectedDns(options(flags), rules(dnsPort));
  } catch (error) {
    assert.ok(error instanceof LaunchError);
    return error.message;
  }
  assert.fail("it was not refused");
}

test("DNS is where the rules lead it, and stays where it was where they leave it alone", () => {
  const given = options({});
  assert.equal(withRedirectedDns(given, undefined), given);
  assert.equal(withRedirectedDns(given, rules(undefined)), given);
  assert.equal(withRedirectedDns(given, rules(16053)).dns?.port, 16053);
  assert.equal(withRedirectedDns(options({ dnsProxyPort: "16053" }), rules(16053)).dns?.port, 16053);
  assert.deepEqual(withRedirectedDns(options({ dnsAddress: "192.0.2.1" }), rules(15053)).dns?.addresses, [
    "192.0.2.1",
  ]);
});

test("a machine is not left without DNS", () => {
  assert.match(
    refusal({ lean: true }, 15053),
    /lead DNS to port 15053, and in lean mode nobody stays.*leave out --lean/,
  );
  assert.match(refusal({ dnsEnabled: false }, 15053), /--dns-enabled or --dns-proxy-port says that nobody/);
  assert.match(refusal({ dnsProxyPort: "5353" }, 15053), /but --dns-proxy-port is 5353; leave it out/);
});

test("networks behind an interface ask at its addresses", () => {
  const address = (text: string, scopeid = 0) => ({ address: text, scopeid });
  const interfaces = {
    "br-1": [address("172.18.0.1"), address("fe80::1", 3)],
    "br-2": [address("fd00::1")],
    docker0: [address("172.17.0.1")],
  };
  assert.deepEqual(addressesOfInterfaces(["br-+"], interfaces), ["172.18.0.1", "fd00::1"]);
  assert.deepEqual(addressesOfInterfaces(["docker0", "eth9"], interfaces), ["172.17.0.1"]);
  assert.deepEqual(addressesOfInterfaces([], interfaces), []);
});
