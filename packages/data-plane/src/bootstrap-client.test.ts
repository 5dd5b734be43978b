import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fetchBootstrap } from "./bootstrap-client.ts";
import type { HttpReply } from "./control-plane-http.ts";
import { LaunchError, type LaunchErrorCode } from "./launch-error.ts";

const OK: HttpReply = {
  status: 200,
  body: JSON.stringify({
    bootstrap: Buffer.from("node: {}").toString("base64"),
    kumaSidecarConfiguration: {},
  }),
};

/** Runs the client against a list of answers; the clock moves only in pauses. */
async function fetchFrom(answers: readonly (HttpReply | Error)[], ca?: string) {
  let time = 0;
  let asked = 0;
  const warnings: string[] = [];
  const silent = () => undefined;
  const text = fetchBootstrap(
    {
      controlPlane: { address: "https://cp:5678", ca },
      call: async () => {
        const answer = answers[Math.min(asked++, answers.length - 1)];
        if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
        return answer;
      },
      retryBackoffMs: 3_000,
      retryMaxMs: 300_000,
      log: { debug: silent, info: silent, warn: (message) => warnings.push(message), error: silent },
      now: () => time,
      sleep: async (ms) => {
        time += ms;
      },
      signal: new AbortController().signal,
    },
    {},
  );
  const outcome = await text.then(
    (bootstrap) => ({ bootstrap, error: undefined }),
    (error: unknown) => ({ bootstrap: undefined, error }),
  );
  return { ...outcome, asked, warnings };
}

function failure(result: { readonly error: unknown }): { code: LaunchErrorCode; message: string } {
  const { error } = result;
  if (!(error instanceof LaunchError)) assert.fail(`not a launch error: ${String(error)}`);
  return error;
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("the bootstrap", () => {
  test("is decoded", async () => {
    assert.equal((await fetchFrom([OK])).bootstrap, "node: {}");
  });

  test("is asked for again while the control plane is away or does not know the proxy, with one hint each", async () => {
    const away = withCode("ECONNREFUSED", "connect ECONNREFUSED");
    const result = await fetchFrom([
      away,
      away,
      away,
      { status: 404, body: "" },
      { status: 503, body: "busy" },
      OK,
    ]);
    assert.equal(result.bootstrap, "node: {}");
    assert.equal(result.asked, 6);
    assert.equal(result.warnings.length, 3);
    assert.match(result.warnings[0] ?? "", /every 3 s for up to 5 min.*--cp-address/);
    assert.match(result.warnings[1] ?? "", /--dataplane-file/);
  });

  test("is given up after five minutes", async () => {
    const result = await fetchFrom([withCode("ECONNREFUSED", "connect ECONNREFUSED")]);
    assert.equal(failure(result).code, "control-plane-unreachable");
    assert.equal(result.asked, 101);
  });

  test("is refused with the control plane's words", async () => {
    const result = await fetchFrom([{ status: 422, body: "mesh: mesh payments does not exist\n" }]);
    assert.equal(failure(result).code, "bootstrap-rejected");
    assert.match(failure(result).message, /422.*mesh payments does not exist/);
    assert.equal(result.asked, 1);
    assert.match(
      failure(await fetchFrom([{ status: 404, body: "404 page not found" }])).message,
      /5678.*5681/,
    );
  });

  test("is not taken from something else", async () => {
    for (const body of ["<html>", "{}", '{"bootstrap": 5}', '{"bootstrap": "%%%"}']) {
      assert.equal(failure(await fetchFrom([{ status: 200, body }])).code, "bootstrap-invalid", body);
    }
  });

  test("says how to trust a control plane, without a second try", async () => {
    const selfSigned = withCode("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate");
    const untrusted = await fetchFrom([selfSigned]);
    assert.equal(untrusted.asked, 1);
    assert.match(
      failure(untrusted).message,
      /not trusted.*--ca-cert-file FILE or KUMA_CONTROL_PLANE_CA_CERT_FILE/,
    );
    assert.match(
      failure(await fetchFrom([selfSigned], "PEM")).message,
      /does not verify against the CA given/,
    );
    const plain = withCode("EPROTO", "ssl3_get_record:wrong version number");
    assert.match(failure(await fetchFrom([plain])).message, /does not speak TLS/);
  });
});
