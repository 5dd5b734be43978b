import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chooseUser, lookUpUser, type User } from "./proxy-user.ts";

const USERS: readonly User[] = [
  { uid: 0, gid: 0, name: "root" },
  { uid: 900, gid: 901, name: "kuma-dp" },
  { uid: 1000, gid: 1000, name: "web" },
];
const lookUp = (wanted: string): User | undefined =>
  USERS.find(({ name, uid }) => name === wanted || String(uid) === wanted);
const choose = (wanted: string | undefined, uid: number, isTransparent: boolean, users = lookUp) =>
  chooseUser({ wanted, uid, isTransparent, lookUp: users });

test("without transparent proxying nothing is said of users that nobody asked for", () => {
  for (const uid of [0, 900, 1000]) assert.deepEqual(choose(undefined, uid, false), { kind: "stay" });
});

test("root becomes whom it is told to become, and may stay root where it is told so", () => {
  assert.deepEqual(choose("kuma-dp", 0, true), { kind: "become", user: USERS[1] });
  assert.deepEqual(choose("900", 0, false), { kind: "become", user: USERS[1] });
  assert.deepEqual(choose("root", 0, true), { kind: "stay" });
});

test("others cannot become anybody, and need not where they are that user", () => {
  assert.deepEqual(choose("kuma-dp", 900, true), { kind: "stay" });
  const choice = choose("kuma-dp", 1000, true);
  assert.ok(choice.kind === "refuse");
  assert.match(choice.message, /running as user 1000, the proxy cannot become kuma-dp/);
});

test("as root a transparent proxy would call itself: it does not start, and says which user there is", () => {
  const choice = choose(undefined, 0, true);
  assert.ok(choice.kind === "refuse");
  assert.match(choice.message, /in a loop.* with --user kuma-dp;/);
  const alone = choose(undefined, 0, true, () => undefined);
  assert.ok(alone.kind === "refuse");
  assert.match(alone.message, /with --user; it is the one/);
});

test("as another user than the usual one it is told what the rules must say", () => {
  assert.deepEqual(choose(undefined, 900, true), { kind: "stay" });
  assert.deepEqual(choose(undefined, 5678, true), { kind: "stay" });
  const choice = choose(undefined, 1000, true);
  assert.ok(choice.kind === "stay");
  assert.match(choice.warning ?? "", /installed with --kuma-dp-user 1000/);
});

test("nobody of that name is refused", () => {
  const choice = choose("nobody-here", 0, true);
  assert.ok(choice.kind === "refuse");
  assert.match(choice.message, /there is no user "nobody-here"/);
});

test("users are found by name and by id, and an id needs no entry", () => {
  assert.deepEqual(lookUpUser("root"), { uid: 0, gid: 0, name: "root" });
  assert.deepEqual(lookUpUser("0"), { uid: 0, gid: 0, name: "root" });
  assert.deepEqual(lookUpUser("3999999999"), { uid: 3_999_999_999, gid: 3_999_999_999, name: undefined });
  assert.equal(lookUpUser("nobody-here"), undefined);
});

test("becoming a user gives up everything that root had", { skip: process.getuid?.() !== 0 }, () => {
  const module = fileURLToPath(new URL("./proxy-user.ts", import.meta.url));
  const script = `import { becomeUser } from ${JSON.stringify(module)};
    import { readFileSync } from "node:fs";
    becomeUser({ uid: 5678, gid: 5679, name: undefined }, []);
    console.log(readFileSync("/proc/self/status", "utf8"));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  assert.match(stdout, /^Uid:\s5678\s5678\s5678\s5678$/m, stderr);
  assert.match(stdout, /^Gid:\s5679\s5679\s5679\s5679$/m);
  assert.match(stdout, /^Groups:\s5679 $/m);
  assert.match(stdout, /^CapEff:\s0+$/m);
});
