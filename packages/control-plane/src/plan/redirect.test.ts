import assert from "node:assert/strict";
import { test } from "node:test";
import {
  applicationSource,
  dataplaneRedirect,
  type Redirect,
  redirectsInbound,
  redirectsOutbound,
} from "./redirect.ts";

const BOTH: Redirect = { outboundPort: 15_001, inboundPort: 15_006, ipv6: true };
const IPV4: Redirect = { ...BOTH, ipv6: false };
const NONE: Redirect = { outboundPort: undefined, inboundPort: undefined, ipv6: true };

test("a Dataplane redirects what it names a port for", () => {
  assert.deepEqual(dataplaneRedirect(undefined), NONE);
  assert.deepEqual(dataplaneRedirect({ transparentProxying: { redirectPortInbound: 0 } }), NONE);
  assert.deepEqual(
    dataplaneRedirect({
      transparentProxying: {
        redirectPortInbound: 15_006,
        redirectPortOutbound: 15_001,
        ipFamilyMode: "IPv4",
      },
    }),
    IPV4,
  );
});

test("what stays on the machine, or is of the other family, is not redirected: the proxy listens there itself", () => {
  const own = "192.0.2.1";
  for (const address of ["240.0.0.1", "192.0.2.2", "fd00::1", "::10"])
    assert.equal(redirectsOutbound(BOTH, address, own), true, address);
  for (const address of ["127.0.0.1", "127.3.2.1", "::1", "0:0:0:0:0:0:0:1", own])
    assert.equal(redirectsOutbound(BOTH, address, own), false, address);
  assert.equal(redirectsOutbound(IPV4, "fd00::1", own), false);
  assert.equal(redirectsOutbound({ ...BOTH, outboundPort: undefined }, "240.0.0.1", own), false);
  assert.equal(redirectsInbound(BOTH, "fd00::1"), true);
  assert.equal(redirectsInbound(IPV4, "fd00::1"), false);
  assert.equal(redirectsInbound({ ...BOTH, inboundPort: undefined }, own), false);
});

test("an application is called from an address that is left alone, but for the two that are anyway", () => {
  assert.equal(applicationSource(BOTH, "192.0.2.1"), "127.0.0.6");
  assert.equal(applicationSource(BOTH, "127.0.0.2"), "127.0.0.6");
  assert.equal(applicationSource(BOTH, "2001:db8::1"), "::6");
  for (const address of ["127.0.0.1", "::1"]) assert.equal(applicationSource(BOTH, address), undefined);
  assert.equal(applicationSource(IPV4, "2001:db8::1"), undefined);
  assert.equal(applicationSource(NONE, "192.0.2.1"), undefined);
});
