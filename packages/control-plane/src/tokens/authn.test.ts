import assert from "node:assert/strict";
import { test } from "node:test";
import { failure, success } from "../identity/outcome.ts";
import { type ApiRequest, type AuthnConfig, authenticate } from "./authn.ts";
import { isLocalRequest } from "./localhost-admin.ts";

const remote: ApiRequest = {
  method: "GET",
  url: "/meshes",
  remoteAddress: "10.0.0.9",
  headers: { host: "cp.example:5681" },
  encrypted: false,
  hasVerifiedClientCert: false,
};
const local: ApiRequest = { ...remote, remoteAddress: "127.0.0.1", headers: { host: "localhost:5681" } };
const config: AuthnConfig = { localhostIsAdmin: true, type: "tokens" };

async function who(request: ApiRequest, overrides: Partial<AuthnConfig> = {}): Promise<string> {
  const user = await authenticate(request, { ...config, ...overrides }, async (token) =>
    token === "good"
      ? success({ Name: "kim", Groups: ["g"] })
      : failure({ code: "malformed", message: `bad ${token}` }),
  );
  return user.ok ? `${user.value.name}/${user.value.groups.join(",")}` : `401 ${user.error}`;
}

const admin = "mesh-system:admin/mesh-system:admin,mesh-system:authenticated";
const anonymous = "mesh-system:anonymous/mesh-system:unauthenticated";
const kim = "kim/g,mesh-system:authenticated";

function withHeaders(request: ApiRequest, headers: ApiRequest["headers"]): ApiRequest {
  return { ...request, headers: { ...request.headers, ...headers } };
}

test("a request of this machine is the admin's, even with an invalid token", async () => {
  assert.equal(await who(local), admin);
  assert.equal(await who(withHeaders(local, { authorization: "Bearer bad" })), admin);
  assert.equal(await who(local, { type: "adminClientCerts" }), admin);
  assert.equal(await who(local, { localhostIsAdmin: false }), anonymous);
});

test("a bearer token names its user, and a bad one is 401", async () => {
  assert.equal(await who(withHeaders(remote, { authorization: "Bearer good" })), kim);
  assert.equal(await who(withHeaders(remote, { authorization: "bearer  good " })), kim);
  assert.equal(await who(withHeaders(remote, { authorization: "Bearer bad" })), "401 bad bad");
  assert.equal(await who(withHeaders(remote, { authorization: "Bearer " })), "401 bad ");
  assert.equal(await who(withHeaders(remote, { authorization: "Basic Z29vZA==" })), anonymous);
  assert.equal(await who(remote), anonymous);
});

test("a client certificate counts where it is asked for, over TLS, and verified", async () => {
  const request = { ...remote, encrypted: true, hasVerifiedClientCert: true };
  assert.equal(await who(request, { type: "adminClientCerts" }), admin);
  assert.equal(await who({ ...request, encrypted: false }, { type: "adminClientCerts" }), anonymous);
  assert.equal(
    await who({ ...request, hasVerifiedClientCert: false }, { type: "adminClientCerts" }),
    anonymous,
  );
  assert.equal(await who(request), anonymous);
});

test("the front page and the GUI need nobody, even with a bad token", async () => {
  const bad = withHeaders(remote, { authorization: "Bearer bad" });
  assert.equal(await who({ ...bad, url: "/" }), anonymous);
  assert.equal(await who({ ...bad, url: "/?x=1" }), anonymous);
  assert.equal(await who({ ...bad, url: "/gui/meshes" }), anonymous);
  assert.equal(await who({ ...bad, url: "/", method: "PUT" }), "401 bad bad");
  assert.equal(await who({ ...bad, url: "/meshes/gui" }), "401 bad bad");
});

const localCases: readonly (readonly [string, Partial<ApiRequest>, boolean])[] = [
  ["IPv4 loopback", { remoteAddress: "127.8.9.1" }, true],
  ["IPv6 loopback", { remoteAddress: "::1", headers: { host: "[::1]:5681" } }, true],
  ["IPv4-mapped loopback", { remoteAddress: "::ffff:127.0.0.1", headers: { host: "127.0.0.1" } }, true],
  ["another machine", { remoteAddress: "10.0.0.1" }, false],
  ["an address that only begins like one", { remoteAddress: "127.0.0.1.evil" }, false],
  ["no address", { remoteAddress: undefined }, false],
  ["no Host", { headers: {} }, false],
  ["a foreign Host that resolves here", { headers: { host: "rebind.evil:5681" } }, false],
  ["a Host that only begins like one", { headers: { host: "localhost.evil" } }, false],
  ["a Host of another case", { headers: { host: "LocalHost:5681" } }, true],
  ["a Host with a user part", { headers: { host: "localhost@evil" } }, false],
  ["forwarded by a proxy", { headers: { host: "localhost", "x-forwarded-for": "1.2.3.4" } }, false],
  ["forwarded, with an empty header", { headers: { host: "localhost", forwarded: "" } }, false],
  ["forwarded by nginx", { headers: { host: "localhost", "x-real-ip": "1.2.3.4" } }, false],
  [
    "a page of the same origin",
    { headers: { host: "localhost:5681", "sec-fetch-site": "same-origin" } },
    true,
  ],
  ["typed into the address bar", { headers: { host: "localhost:5681", "sec-fetch-site": "none" } }, true],
  ["a page of another site", { headers: { host: "localhost:5681", "sec-fetch-site": "cross-site" } }, false],
  ["a page of the same site", { headers: { host: "localhost:5681", "sec-fetch-site": "same-site" } }, false],
  ["the same Origin", { headers: { host: "localhost:5681", origin: "http://localhost:5681" } }, true],
  [
    "an Origin of another port",
    { headers: { host: "localhost:5681", origin: "http://localhost:3000" } },
    false,
  ],
  [
    "an Origin of another name",
    { headers: { host: "localhost:5681", origin: "http://127.0.0.1:5681" } },
    false,
  ],
  ["an opaque Origin", { headers: { host: "localhost:5681", origin: "null" } }, false],
  [
    "an Origin with the default port left out",
    { headers: { host: "localhost", origin: "http://localhost:80" } },
    true,
  ],
  [
    "an Origin with the default port of TLS left out",
    { encrypted: true, headers: { host: "localhost:443", origin: "https://localhost" } },
    true,
  ],
  [
    "an Origin of another default port",
    { headers: { host: "localhost", origin: "https://localhost" } },
    false,
  ],
];

for (const [name, overrides, expected] of localCases) {
  test(`${name}: ${expected ? "local" : "not local"}`, () => {
    assert.equal(isLocalRequest({ ...local, ...overrides }), expected);
  });
}
