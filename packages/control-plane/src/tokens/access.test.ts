import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccessConfig, checkAction, checkResource, defaultAccess } from "./access.ts";
import { adminUser, anonymousUser, controlPlaneUser, type User } from "./user.ts";

const kim: User = { name: "kim", groups: ["g1", "mesh-system:authenticated"] };
const secret = { type: "Secret", adminOnly: true };

test("by default secrets and tokens are for admins, everything else for everybody", () => {
  const allowed = (user: User): readonly boolean[] => [
    checkResource(defaultAccess, user, secret).ok,
    checkResource(defaultAccess, user, { type: "Mesh" }).ok,
    checkAction(defaultAccess, user, "generateDpToken").ok,
    checkAction(defaultAccess, user, "generateUserToken").ok,
    checkAction(defaultAccess, user, "generateZoneToken").ok,
    checkAction(defaultAccess, user, "viewConfigDump").ok,
    checkAction(defaultAccess, user, "viewStats").ok,
    checkAction(defaultAccess, user, "viewClusters").ok,
    checkAction(defaultAccess, user, "controlPlaneMetadata").ok,
  ];
  const everything = Array.from({ length: 9 }, () => true);
  const common = [false, true, false, false, false, true, true, true, true];
  assert.deepEqual(allowed(adminUser), everything);
  assert.deepEqual(allowed(controlPlaneUser), everything);
  assert.deepEqual(allowed(kim), common);
  assert.deepEqual(allowed(anonymousUser), common);
});

test("a refusal names user, groups and kind", () => {
  const resource = checkResource(defaultAccess, kim, secret);
  assert.deepEqual(resource, {
    ok: false,
    error: 'user "kim/g1,mesh-system:authenticated" cannot access the resource of type "Secret"',
  });
  const action = checkAction(defaultAccess, anonymousUser, "generateUserToken");
  assert.ok(!action.ok);
  assert.match(action.error, /^action not allowed/);
});

test("a list names users or groups", () => {
  const config: AccessConfig = {
    ...defaultAccess,
    adminResources: { users: ["kim"], groups: [] },
    viewStats: { users: [], groups: ["g1"] },
  };
  assert.ok(checkResource(config, kim, secret).ok);
  assert.ok(checkAction(config, kim, "viewStats").ok);
  assert.ok(!checkAction(config, anonymousUser, "viewStats").ok);
  assert.ok(!checkResource(config, adminUser, secret).ok);
});

test("nobody becomes the control plane by taking its name", () => {
  const impostor: User = { name: controlPlaneUser.name, groups: ["mesh-system:authenticated"] };
  assert.ok(!checkResource(defaultAccess, impostor, secret).ok);
  assert.ok(!checkResource(defaultAccess, { name: controlPlaneUser.name, groups: [] }, secret).ok);
});
