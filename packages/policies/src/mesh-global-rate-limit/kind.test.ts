import assert from "node:assert/strict";
import { test } from "node:test";
import { problems } from "../testing/resources.ts";
import { meshGlobalRateLimitKind } from "./kind.ts";

const AT = "spec.from[0].default";
const URL_AT = `${AT}.backend.rateLimitService.url`;
const from = (conf: unknown) => ({ from: [{ targetRef: { kind: "Mesh" }, default: conf }] });
const rate = (num: number, interval: string) => from({ http: { requestRate: { num, interval } } });
const url = (text: string) => from({ backend: { rateLimitService: { url: text } } });

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  ["a rate", rate(10, "1m"), []],
  ["a day", rate(10, "24h"), []],
  ["no requests", rate(0, "1s"), [`${AT}.http.requestRate.num: must be greater than 0`]],
  ["another window", rate(1, "5s"), [`${AT}.http.requestRate.interval: must be one of 1s, 1m, 1h, 24h`]],
  ["nothing", from({}), [`${AT}: must have at least one defined: http, mode, backend`]],
  [
    "nothing of http",
    from({ http: {} }),
    [`${AT}.http: must have at least one defined: requestRate, onRateLimit`],
  ],
  [
    "a status that Envoy does not know",
    from({ http: { onRateLimit: { status: 418 } } }),
    [`${AT}.http.onRateLimit.status: 418 is no status of HTTP that Envoy knows; 429 is the usual one`],
  ],
  ["a service", url("http://limits.example:10003"), []],
  [
    "no URL",
    url("limits.example:10003"),
    [`${URL_AT}: must be a URL such as http://rate-limit.example:10003`],
  ],
  [
    "TLS",
    url("https://limits.example"),
    [`${URL_AT}: must be a URL such as http://rate-limit.example:10003`],
  ],
  [
    "a path",
    url("http://limits.example/x"),
    [`${URL_AT}: must have a host and a port and nothing else: the service is asked by gRPC`],
  ],
  [
    "no time at all",
    from({ backend: { rateLimitService: { timeout: "0s" } } }),
    [`${AT}.backend.rateLimitService.timeout: must be greater than 0`],
  ],
  ["neither from nor to", {}, ["spec: at least one of 'from' or 'to' has to be defined"]],
];

for (const [about, spec, expected] of cases) {
  test(about, () => assert.deepEqual(problems(meshGlobalRateLimitKind, spec), expected));
}
