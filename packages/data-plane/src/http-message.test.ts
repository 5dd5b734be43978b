import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeHttpResponse, parseRequestLine } from "./http-message.ts";

const chunk = (part: string) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`;
const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("an HTTP response", () => {
  test("is put together from any chunks, and never from a part of them", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, unit: "grapheme" })), fc.nat(), (parts, cut) => {
        const bytes = Buffer.from(`${HEAD}${parts.map(chunk).join("")}0\r\n`);
        assert.deepEqual(decodeHttpResponse(bytes), { status: 200, body: parts.join("") });
        const part = bytes.subarray(0, cut % (bytes.length - 2));
        assert.equal(decodeHttpResponse(part), undefined);
      }),
    );
  });

  test("may give its length, or end with the connection", () => {
    assert.equal(
      decodeHttpResponse(Buffer.from("HTTP/1.1 503 X\r\ncontent-length: 4\r\n\r\nLIVE"))?.body,
      "LIVE",
    );
    assert.equal(
      decodeHttpResponse(Buffer.from("HTTP/1.1 503 X\r\ncontent-length: 5\r\n\r\nLIVE")),
      undefined,
    );
    assert.deepEqual(decodeHttpResponse(Buffer.from("HTTP/1.1 404 X\r\n\r\nno")), {
      status: 404,
      body: "no",
    });
    assert.equal(decodeHttpResponse(Buffer.from("SSH-2.0\r\n\r\n")), undefined);
  });
});

test("a request line gives method and path without query", () => {
  assert.deepEqual(parseRequestLine("GET /ready?x=1 HTTP/1.1\r\n"), { method: "GET", path: "/ready" });
  assert.equal(parseRequestLine("\u0016\u0003\u0001"), undefined);
});

test("before the connection closes, a response is whole where it says so itself", () => {
  const length = Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nLIVE");
  const chunked = Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nLIVE\r\n0\r\n\r\n");
  for (const whole of [length, chunked]) {
    assert.equal(decodeHttpResponse(whole, false)?.body, "LIVE");
    for (let cut = 0; cut < whole.length - 5; cut++) {
      assert.equal(decodeHttpResponse(whole.subarray(0, cut), false), undefined);
    }
  }
  assert.equal(decodeHttpResponse(Buffer.from("HTTP/1.1 200 OK\r\n\r\nLI"), false), undefined);
  assert.deepEqual(decodeHttpResponse(Buffer.from('HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n'), false), {
    status: 304,
    body: "",
    etag: '"1"',
  });
});
