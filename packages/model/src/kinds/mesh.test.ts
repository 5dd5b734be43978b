import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResource } from "../parse.ts";
import { enabledMtlsBackend, type MeshSpec, meshKind } from "./mesh.ts";

const problems = (fields: unknown, name = "m"): string[] =>
  parseResource(
    meshKind,
    { type: "Mesh", name, ...(fields as object) },
    { unknownFields: "strict" },
  ).violations.map(({ field, reason }) => `${field}: ${reason}`);
const builtin = { name: "ca-1", type: "builtin" };

test("good meshes", () => {
  const good: unknown[] = [
    {},
    { mtls: { enabledBackend: "", backends: [] } },
    {
      mtls: {
        enabledBackend: "ca-1",
        backends: [
          {
            ...builtin,
            mode: "PERMISSIVE",
            dpCert: { rotation: { expiration: "1d" }, requestTimeout: "10s" },
            conf: { caCert: { RSAbits: 2048, expiration: "10y" } },
          },
          { name: "p", type: "provided", conf: { cert: { secret: "a" }, key: { inline: "YQ==" } } },
        ],
      },
    },
    { logging: { defaultBackend: "f", backends: [{ name: "f", type: "file", conf: { path: "/tmp/x" } }] } },
    {
      tracing: {
        backends: [{ name: "z", type: "zipkin", sampling: 80, conf: { url: "http://z:9411/api" } }],
      },
    },
    { metrics: { enabledBackend: "p", backends: [{ name: "p", type: "prometheus", conf: { port: 5670 } }] } },
    { constraints: { dataplaneProxy: { requirements: [{ tags: { "kuma.io/zone": "*" } }] } } },
    { meshServices: { mode: "Exclusive" }, networking: { outbound: { passthrough: false } } },
    { routing: { zoneEgress: true }, skipCreatingInitialPolicies: ["*"] },
  ];
  for (const fields of good) assert.deepEqual(problems(fields), [], JSON.stringify(fields));
});

test("impossible meshes are refused with their path", () => {
  const mtls = (...backends: unknown[]) => ({ mtls: { backends } });
  const bad: [unknown, RegExp][] = [
    [
      { mtls: { enabledBackend: "x" } },
      /^mtls\.enabledBackend: has to be set to one of the backends in the mesh/,
    ],
    [mtls(builtin, builtin), /mtls\.backends\[1\]\.name: "ca-1" name is already used/],
    [mtls({ type: "builtin" }), /mtls\.backends\[0\]\.name: cannot be empty/],
    [mtls({ ...builtin, type: "bultin" }), /did you mean `builtin`/],
    [mtls({ ...builtin, mode: "Strict" }), /did you mean `STRICT`/],
    [mtls({ ...builtin, type: "provided" }), /conf\.cert: must be defined[\s\S]*conf\.key: must be defined/],
    [mtls({ ...builtin, conf: { cert: { file: "a" } } }), /conf\.cert: must not be set when type is builtin/],
    [
      mtls({ name: "p", type: "provided", conf: { cert: { secret: "a", file: "b" }, key: { secret: "" } } }),
      /conf\.cert: must have exactly one of[\s\S]*conf\.key\.secret: cannot be empty/,
    ],
    [
      mtls({ ...builtin, dpCert: { rotation: { expiration: "1x" } } }),
      /expiration: must be a duration such as/,
    ],
    [mtls({ ...builtin, conf: { caCert: { rsaBits: 512 } } }), /rsaBits: must be in the range/],
    [
      { logging: { backends: [{ name: "t", type: "tcp", conf: { address: "x" } }] } },
      /conf\.address: has to be/,
    ],
    [
      { tracing: { backends: [{ name: "z", type: "zipkin", conf: { url: "x" } }] } },
      /conf\.url: must be an absolute/,
    ],
    [
      { tracing: { backends: [{ name: "z", type: "zipkin", sampling: 101 }] } },
      /sampling: must be at most 100/,
    ],
    [{ meshServices: { mode: "exclusive" } }, /meshServices\.mode: .*did you mean `Exclusive`/],
    [
      { constraints: { dataplaneProxy: { restrictions: [{}] } } },
      /restrictions\[0\]\.tags: must have at least one/,
    ],
  ];
  for (const [fields, want] of bad) assert.match(problems(fields).join("\n"), want, JSON.stringify(fields));
  assert.deepEqual(problems({}, "a".repeat(64)), ["name: cannot be longer than 63 characters"]);
});

test("the enabled backend", () => {
  const spec: MeshSpec = { mtls: { enabledBackend: "b", backends: [{ name: "b", type: "builtin" }] } };
  assert.equal(enabledMtlsBackend(spec)?.type, "builtin");
  assert.equal(enabledMtlsBackend({ mtls: { ...spec.mtls, enabledBackend: "" } }), undefined);
});
