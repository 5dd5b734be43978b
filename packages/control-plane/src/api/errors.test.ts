import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "../store/store.ts";
import { createWorld, dataplane, type Method, meshTimeout, seed, type World } from "./testing/world.ts";

async function worldWithMesh(options = {}): Promise<World> {
  const world = createWorld(options);
  await seed(world.store, { type: "Mesh", name: "default" });
  return world;
}

const URL = "/meshes/default/meshtimeouts/q";

test("a problem has all its keys, in order, with copies for old clients", async () => {
  const world = await worldWithMesh();
  const document = {
    ...meshTimeout("q"),
    spec: { to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: 5 } }] },
  };
  const { status, text, json, headers } = await world.call("PUT", URL, document);
  assert.equal(status, 400);
  assert.equal(headers["content-type"], "application/json");
  assert.deepEqual(Object.keys(json), [
    "type",
    "status",
    "title",
    "detail",
    "invalid_parameters",
    "details",
    "causes",
  ]);
  assert.equal(json.type, "/std-errors");
  assert.equal(json.status, 400);
  assert.equal(json.title, "Could not process a resource");
  assert.equal(json.detail, "Resource is not valid");
  assert.equal(json.details, json.detail);
  const [parameter] = json.invalid_parameters;
  assert.equal(parameter.field, "spec.to[0].default.idleTimeout");
  assert.deepEqual(json.causes, [{ field: parameter.field, message: parameter.reason }]);
  assert.match(text, /^\{\n "type"/);
});

interface Case {
  readonly name: string;
  readonly request: readonly [Method, string, unknown?, Record<string, string>?];
  readonly status: number;
  readonly title: string;
  readonly detail?: string | RegExp;
  readonly fields?: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "malformed JSON",
    request: ["PUT", "/meshes/m", "{bad"],
    status: 400,
    title: "Bad Request",
    detail: /^invalid Mesh object: "/,
  },
  {
    name: "an empty body",
    request: ["PUT", "/meshes/m", ""],
    status: 400,
    title: "Bad Request",
    detail: 'invalid Mesh object: "unexpected end of JSON input"',
  },
  { name: "a list as body", request: ["PUT", "/meshes/m", []], status: 400, title: "Bad Request" },
  {
    name: "a semantic violation",
    request: ["PUT", "/meshes/m", { type: "Mesh", name: "m", mtls: { enabledBackend: "x" } }],
    status: 400,
    title: "Could not process a resource",
    detail: "Resource is not valid",
    fields: ["mtls.enabledBackend"],
  },
  {
    name: "a missing spec",
    request: ["PUT", URL, { type: "MeshTimeout", mesh: "default", name: "q" }],
    status: 400,
    title: "Could not process a resource",
    fields: ["spec"],
  },
  {
    name: "a wrong enum value",
    request: [
      "PUT",
      URL,
      {
        ...meshTimeout("q"),
        spec: { to: [{ targetRef: { kind: "Nope" }, default: { idleTimeout: "1s" } }] },
      },
    ],
    status: 400,
    title: "Could not process a resource",
    fields: ["spec.to[0].targetRef.kind"],
  },
  {
    name: "a wrong type in a spec kind",
    request: ["PUT", URL, { ...meshTimeout("q"), type: "Mesh" }],
    status: 400,
    title: "Could not process a resource",
    fields: [""],
  },
  {
    name: "a wrong type in a flat kind",
    request: ["PUT", "/meshes/m", { type: "Zone", name: "m" }],
    status: 400,
    title: "Could not process a resource",
    fields: ["type"],
  },
  {
    name: "another name and mesh than in the URL",
    request: ["PUT", URL, meshTimeout("other", "else")],
    status: 400,
    title: "Could not process a resource",
    fields: ["name", "mesh"],
  },
  {
    name: "a page size that is no number",
    request: ["GET", "/meshes?size=x"],
    status: 400,
    title: "Could not retrieve resources",
    detail: "Invalid page size",
    fields: ["size"],
  },
  {
    name: "a missing mesh on PUT",
    request: ["PUT", "/meshes/none/meshtimeouts/q", meshTimeout("q", "none")],
    status: 404,
    title: "Failed to retrieve Mesh",
    detail: "Not found",
  },
  {
    name: "a missing mesh on GET",
    request: ["GET", "/meshes/none/meshtimeouts/q"],
    status: 404,
    title: "Failed to retrieve Mesh",
  },
  {
    name: "a missing mesh on list",
    request: ["GET", "/meshes/none/meshtimeouts"],
    status: 404,
    title: "Failed to retrieve Mesh",
  },
  {
    name: "a missing mesh on DELETE",
    request: ["DELETE", "/meshes/none/meshtimeouts/q"],
    status: 404,
    title: "Failed to retrieve Mesh",
  },
  {
    name: "a missing resource on GET",
    request: ["GET", URL],
    status: 404,
    title: "Could not retrieve a resource",
    detail: "Not found",
  },
  {
    name: "a missing resource on DELETE",
    request: ["DELETE", URL],
    status: 404,
    title: "Could not delete a resource",
    detail: "Not found",
  },
  {
    name: "a write of a kind that only the system writes",
    request: ["PUT", "/meshes/default/dataplane-insights/d", {}],
    status: 405,
    title: "Method not allowed",
    detail: /read-only/,
  },
  {
    name: "a delete of such a kind",
    request: ["DELETE", "/mesh-insights/default"],
    status: 405,
    title: "Method not allowed",
  },
  {
    name: "such a write with a bad token",
    request: ["PUT", "/zone-insights/z", {}, { authorization: "Bearer bad", "x-forwarded-for": "192.0.2.1" }],
    status: 405,
    title: "Method not allowed",
  },
  {
    name: "a bad token",
    request: ["GET", "/meshes", undefined, { authorization: "Bearer bad", "x-forwarded-for": "192.0.2.1" }],
    status: 401,
    title: "Invalid authentication data",
    detail: "Unauthenticated",
  },
  {
    name: "a good token without permission",
    request: [
      "GET",
      "/globalsecrets",
      undefined,
      { authorization: "Bearer john", "x-forwarded-for": "192.0.2.1" },
    ],
    status: 403,
    title: "Access Denied",
    detail: 'user "john/g1,mesh-system:authenticated" cannot access the resource of type "GlobalSecret"',
  },
  {
    name: "a KRI that is none",
    request: ["GET", "/_kri/kri_mt_x"],
    status: 400,
    title: "Could not retrieve a resource",
  },
  {
    name: "a KRI of an unknown kind",
    request: ["GET", "/_kri/kri_zz_default___x_"],
    status: 400,
    title: "Could not retrieve a resource",
  },
  {
    name: "an absent KRI",
    request: ["GET", "/_kri/kri_mt_default_zone-1__x_"],
    status: 404,
    title: "Could not retrieve a resource",
  },
  {
    name: "an unknown format",
    request: ["GET", "/meshes/default?format=xml"],
    status: 400,
    title: "Could not retrieve a resource",
    fields: [""],
  },
  {
    name: "an unknown change",
    request: ["GET", "/_changes/77"],
    status: 404,
    title: "Could not retrieve a resource",
  },
  {
    name: "a change id that is none",
    request: ["GET", "/_changes/abc"],
    status: 404,
    title: "Could not retrieve a resource",
  },
];

for (const { name, request, status, title, detail, fields } of cases) {
  test(`${name}: ${status} ${title}`, async () => {
    const world = await worldWithMesh();
    const answer = await world.call(...request);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.status, status);
    assert.equal(answer.json.title, title);
    if (typeof detail === "string") assert.equal(answer.json.detail, detail);
    else if (detail) assert.match(answer.json.detail, detail);
    const found = answer.json.invalid_parameters?.map(({ field }: { field: string }) => field);
    assert.deepEqual(found, fields);
  });
}

test("what has no route, no such method or no JSON is answered as plain text", async () => {
  const world = await worldWithMesh();
  for (const [method, url, status] of [
    ["GET", "/versions", 404],
    ["GET", "/health", 404],
    ["GET", "/metrics", 404],
    ["PUT", "/nothing/here", 404],
    ["GET", "/meshes/default/nothing", 404],
    ["GET", "/meshes/%zz", 404],
    ["POST", "/meshes", 405],
    ["PATCH", "/meshes/default", 405],
    ["HEAD", "/meshes", 405],
    ["OPTIONS", URL, 405],
    ["PUT", "/meshes", 405],
    ["GET", "/tokens/user", 405],
    ["DELETE", "/_resources", 405],
  ] as const) {
    const answer = await world.call(method, url);
    const text = status === 404 ? "404: Page Not Found" : "405: Method Not Allowed";
    assert.equal(answer.status, status, `${method} ${url}`);
    assert.equal(answer.headers["content-type"], "text/plain");
    if (method !== "HEAD") assert.equal(answer.text, text);
  }
  for (const type of ["text/plain", "application/yaml", "application/jsonp", ""]) {
    const answer = await world.call("PUT", URL, meshTimeout("q"), { "content-type": type });
    assert.equal(answer.status, 415, type);
    assert.equal(answer.text, "415: Unsupported Media Type");
  }
  const charset = await world.call("PUT", URL, meshTimeout("q"), {
    "content-type": "application/json; charset=utf-8",
  });
  assert.equal(charset.status, 201);
});

test("trailing slashes do not matter", async () => {
  const world = await worldWithMesh();
  assert.equal((await world.call("GET", "/meshes/")).json.total, 1);
  assert.equal((await world.call("GET", "/meshes/default/")).status, 200);
});

test("names with forbidden characters are refused with the field, and never crash a read", async () => {
  const world = await worldWithMesh();
  const forbidden = [
    " ",
    "_",
    "A",
    "ä",
    "/",
    "\\",
    "%",
    "?",
    "#",
    "&",
    "+",
    "'",
    '"',
    "<",
    ">",
    "{",
    "}",
    "|",
    "^",
    "~",
    "`",
    "!",
    "@",
    "$",
    "*",
    "(",
    ")",
    "=",
    ",",
    ";",
    ":",
    "\n",
    "\t",
    "\0",
    "\u{1f600}",
  ];
  const names = [
    ...forbidden.map((character) => `a${character}b`),
    "-a",
    "a-",
    ".a",
    "a.",
    "a..b",
    "..",
    "a".repeat(254),
  ];
  for (const name of names) {
    const url = `/meshes/default/meshtimeouts/${encodeURIComponent(name)}`;
    if (name === "..") continue;
    const put = await world.call("PUT", url, meshTimeout(name));
    assert.equal(put.status, 400, JSON.stringify(name));
    assert.deepEqual(
      put.json.invalid_parameters.map(({ field }: { field: string }) => field),
      ["name"],
      put.text,
    );
    assert.equal((await world.call("GET", url)).status, 404, JSON.stringify(name));
    assert.equal((await world.call("DELETE", url)).status, 404, JSON.stringify(name));
  }
  const longest = "a".repeat(253);
  assert.equal(
    (await world.call("PUT", `/meshes/default/meshtimeouts/${longest}`, meshTimeout(longest))).status,
    201,
  );
  const mesh = "m".repeat(64);
  const long = await world.call("PUT", `/meshes/${mesh}`, { type: "Mesh", name: mesh });
  assert.deepEqual(long.json.invalid_parameters, [
    { field: "name", reason: "cannot be longer than 63 characters" },
  ]);
  assert.equal(
    (await world.call("PUT", "/meshes/default/meshtimeouts/__proto__", meshTimeout("__proto__"))).status,
    400,
  );
});

test("a read-only API refuses every write and answers every read", async () => {
  const world = await worldWithMesh({ settings: { readOnly: true } });
  for (const kind of world.deps.registry.kinds) {
    const url = kind.scope === "Mesh" ? `/meshes/default/${kind.path}` : `/${kind.path}`;
    assert.equal((await world.call("GET", url)).status, 200, url);
    assert.equal((await world.call("PUT", `${url}/x`, {})).status, 405, url);
    assert.equal((await world.call("DELETE", `${url}/x`)).status, 405, url);
  }
});

test("a global control plane refuses zone kinds and says where they belong", async () => {
  const world = await worldWithMesh({ settings: { mode: "global", zone: "" } });
  const refused = await world.call("PUT", "/meshes/default/dataplanes/d", dataplane("d"));
  assert.equal(refused.status, 405);
  assert.match(
    refused.json.detail,
    /^On global control plane you can not modify dataplanes resources: .* zone control plane/,
  );
  const zone = await worldWithMesh({ settings: { federated: true } });
  assert.match((await zone.call("PUT", "/meshes/m", {})).json.detail, /global control plane/);
  assert.equal((await world.call("PUT", URL, meshTimeout("q"))).status, 201);
  assert.deepEqual((await world.call("GET", URL)).json.labels, { "kuma.io/mesh": "default" });
  const refusedOrigin = await world.call("PUT", URL, {
    ...meshTimeout("q"),
    labels: { "kuma.io/origin": "zone" },
  });
  assert.equal(refusedOrigin.json.invalid_parameters[0].reason, "the origin label must be set to 'global'");
});

test("a store that cannot write is a 503, a bug a 500 that hides its text and is logged", async () => {
  const logged: unknown[] = [];
  const world = await worldWithMesh({ deps: { log: { error: (details: unknown) => logged.push(details) } } });
  const write = world.store.write.bind(world.store);
  const failing = (error: Error) => Object.assign(world.store, { write: () => Promise.reject(error) });
  failing(new StoreError("unavailable", "the disk is full"));
  const full = await world.call("PUT", URL, meshTimeout("q"));
  assert.equal(full.status, 503);
  assert.equal(full.json.title, "Service unavailable");
  assert.equal(full.json.detail, "the disk is full");
  failing(new TypeError("secret internals"));
  const bug = await world.call("PUT", URL, meshTimeout("q"));
  assert.equal(bug.status, 500);
  assert.equal(bug.json.detail, "Internal Server Error");
  assert.equal(logged.length, 2);
  failing(new StoreError("conflict", "resource conflict: always"));
  assert.equal((await world.call("PUT", URL, meshTimeout("q"))).status, 409);
  Object.assign(world.store, { write });
  assert.equal((await world.call("PUT", URL, meshTimeout("q"))).status, 201);
});
