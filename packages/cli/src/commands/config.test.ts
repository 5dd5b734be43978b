import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { list, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

test("without a configuration there is one local control plane, and reading writes nothing", async () => {
  using sandbox = createSandbox();
  assert.equal(
    (await sandbox.run("config", "control-planes", "list")).out,
    "ACTIVE   NAME    ADDRESS\n*        local   http://localhost:5681\n",
  );
  assert.throws(() => statSync(sandbox.path(".kumactl")));
});

test("add, list, switch and remove", async () => {
  await using cp = await startFakeControlPlane({});
  using sandbox = createSandbox();
  const run = (...args: readonly string[]) => sandbox.run("config", "control-planes", ...args);
  const added = await run("add", "--name", "test", "--address", cp.url, "--headers", "x-team=a=b");
  assert.deepEqual(added, {
    code: 0,
    out: 'added Control Plane "test"\nswitched active Control Plane to "test"\n',
    err: "",
  });
  assert.equal(statSync(sandbox.path(".kumactl/config")).mode & 0o777, 0o600);
  assert.equal(
    readFileSync(sandbox.path(".kumactl/config"), "utf8"),
    `contexts:
  - name: local
    controlPlane: local
  - name: test
    controlPlane: test
controlPlanes:
  - name: local
    coordinates:
      apiServer:
        url: http://localhost:5681
  - name: test
    coordinates:
      apiServer:
        url: ${cp.url}
        headers:
          - key: x-team
            value: a=b
currentContext: test
`,
  );
  const again = await run("add", "--name", "test", "--address", cp.url);
  assert.deepEqual([again.code, /already exists\. Use --overwrite/.test(again.err)], [1, true]);
  assert.equal((await run("add", "--name", "test", "--address", cp.url, "--overwrite")).code, 0);
  assert.equal((await run("switch", "--name", "local")).out, 'switched active Control Plane to "local"\n');
  assert.equal(
    (await run("list")).out,
    `ACTIVE   NAME    ADDRESS\n*        local   http://localhost:5681\n         test    ${cp.url}\n`,
  );
  assert.match(
    (await run("switch", "--name", "tset")).err,
    /there is no Control Plane with name "tset"; did you mean "test"\?/,
  );
  assert.equal(
    (await run("remove", "--name", "local")).out,
    'removed Control Plane "local"\nswitched active Control Plane to "test"\n',
  );
  assert.equal((await run("remove", "--name", "local")).code, 1);
});

test("add refuses what is no control plane, unless told not to check", async () => {
  await using web = await startFakeControlPlane({
    "GET /": { body: { product: "Something", version: "1" } },
  });
  using sandbox = createSandbox();
  const add = (...args: readonly string[]) =>
    sandbox.run("config", "control-planes", "add", "--name", "w", ...args);
  const refused = await add("--address", web.url);
  assert.deepEqual([refused.code, /but .* is Something\. Use --skip-check/.test(refused.err)], [1, true]);
  assert.equal((await add("--address", web.url, "--skip-check")).code, 0);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--address", "ftp://x"], /is not an http:\/\/ or https:\/\/ URL/],
    [["--address", web.url, "--client-cert-file", "x"], /must be given together/],
    [["--address", web.url, "--auth-type", "magic"], /--auth-type "magic" is not known/],
    [["--address", web.url, "--auth-type", "tokens"], /needs --auth-conf token=/],
  ];
  for (const [args, message] of cases) {
    const outcome = await add(...args);
    assert.equal(outcome.code, 2);
    assert.match(outcome.err, message);
  }
});

test("tokens and headers are sent, but no token with the check", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes": list() });
  using sandbox = createSandbox();
  const args = ["--auth-type", "tokens", "--auth-conf", "token=abc=", "--headers", "X-Team=a"];
  await sandbox.run(
    "config",
    "control-planes",
    "add",
    "--name",
    "t",
    "--address",
    `${cp.url}/prefix/`,
    "--skip-check",
    ...args,
  );
  await sandbox.run(
    "config",
    "control-planes",
    "add",
    "--name",
    "t",
    "--address",
    cp.url,
    "--overwrite",
    ...args,
  );
  assert.equal((await sandbox.run("get", "meshes")).code, 0);
  const check = cp.requests.find((request) => request.path === "/");
  const get = cp.requests.find((request) => request.path === "/meshes");
  assert.equal(check?.headers.authorization, undefined);
  assert.equal(get?.headers.authorization, "Bearer abc=");
  assert.equal(get?.headers["x-team"], "a");
  assert.match(String(get?.headers["user-agent"]), /^skeinctl\/\d/);
  const view = (await sandbox.run("config", "view")).out;
  assert.match(view, /token: "?\*{5}"?\n/);
  assert.doesNotMatch(view, /abc=/);
});

test("a base path is kept, --context and the environment choose", async () => {
  await using cp = await startFakeControlPlane({
    "GET /kuma/meshes": list(),
    "GET /kuma/": { body: {} },
    "GET /meshes": list(),
  });
  using sandbox = createSandbox({ url: cp.url });
  const other = sandbox.file(
    "other.yaml",
    `contexts: [{name: a, controlPlane: b}]\ncontrolPlanes: [{name: b, coordinates: {apiServer: {url: ${cp.url}/kuma}}, note: kept}]\ncurrentContext: none\nfuture: 1\n`,
  );
  assert.equal((await sandbox.run("get", "meshes", "--config-file", other, "--context", "a")).code, 0);
  assert.ok(cp.log().includes("GET /kuma/meshes?size=1000"));
  const none = await sandbox.run("--config-file", other, "get", "meshes");
  assert.match(none.err, /there is no control plane "none" in the configuration \(it has: b\)/);
  await sandbox.run("config", "control-planes", "switch", "--name", "a", "--config-file", other);
  const text = readFileSync(other, "utf8");
  assert.match(text, /future: 1\n/);
  assert.match(text, /note: kept\n/);
  using byEnvironment = createSandbox({ env: { KUMACTL_CONFIG: other } });
  assert.equal((await byEnvironment.run("get", "meshes")).code, 0);
});

test("a broken configuration, a bad duration and a bad log level are sentences", async () => {
  using sandbox = createSandbox();
  const file = sandbox.file("broken.yaml", "contexts: [\n");
  assert.match(
    (await sandbox.run("config", "view", "--config-file", file)).err,
    /broken\.yaml" is not YAML: /,
  );
  const timeout = await sandbox.run("get", "meshes", "--api-timeout", "5 minutes");
  assert.deepEqual(
    [timeout.code, /--api-timeout "5 minutes" is not a duration/.test(timeout.err)],
    [2, true],
  );
  assert.match(
    (await sandbox.run("get", "meshes", "--log-level", "loud")).err,
    /must be one of off, info, debug/,
  );
});

test("version of both sides, -a with all that is known, no server is a warning", async () => {
  await using cp = await startFakeControlPlane({});
  using sandbox = createSandbox({ url: cp.url });
  assert.deepEqual(await sandbox.run("version"), {
    code: 0,
    out: "Client: Skein 0.1.0\nServer: Kuma 2.14.3\n",
    err: "",
  });
  assert.match((await sandbox.run("version", "-a")).out, /API: {6}Kuma 2\.14\n[\s\S]*"clusterId": "c-1"/);
  using alone = createSandbox({ url: "http://127.0.0.1:1" });
  const offline = await alone.run("version");
  assert.deepEqual([offline.code, offline.out], [0, "Client: Skein 0.1.0\n"]);
  assert.match(offline.err, /^WARNING: Failed to retrieve server version: cannot reach/);
});

test("--log-level tells what was asked, --api-timeout how long to wait", async () => {
  await using cp = await startFakeControlPlane({
    "GET /meshes": list(),
    "GET /zones": () => new Promise(() => {}),
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.match(
    (await sandbox.run("get", "meshes", "--log-level", "debug")).err,
    /GET http.*\/meshes\?size=1000 200 in 0 ms\n/,
  );
  const late = await sandbox.run("get", "zones", "--api-timeout", "100ms");
  assert.deepEqual([late.code, /no answer from http.* within 0\.1 s/.test(late.err)], [1, true]);
});
