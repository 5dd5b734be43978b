import { failure, type Outcome, success } from "../identity/outcome.ts";
import {
  adminName,
  authenticatedGroup,
  controlPlaneUser,
  type User,
  unauthenticatedGroup,
  userText,
} from "./user.ts";

/** Users and groups that may do something: either suffices. */
export interface AccessList {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}

/** What is guarded, by the names of `access.static` in the configuration. */
export type AccessAction =
  | "adminResources"
  | "generateDpToken"
  | "generateUserToken"
  | "generateZoneToken"
  | "viewConfigDump"
  | "viewStats"
  | "viewClusters"
  | "controlPlaneMetadata";

/** `access.static` of the configuration. */
export type AccessConfig = Readonly<Record<AccessAction, AccessList>>;

const admins: AccessList = { users: [adminName], groups: [adminName] };
const everybody: AccessList = { users: [], groups: [unauthenticatedGroup, authenticatedGroup] };

/** Secrets and tokens for admins, the rest for everybody. */
export const defaultAccess: AccessConfig = {
  adminResources: admins,
  generateDpToken: admins,
  generateUserToken: admins,
  generateZoneToken: admins,
  viewConfigDump: everybody,
  viewStats: everybody,
  viewClusters: everybody,
  controlPlaneMetadata: everybody,
};

const refusals: Readonly<Record<Exclude<AccessAction, "adminResources">, string>> = {
  generateDpToken: "generate dataplane tokens",
  generateUserToken: "generate user tokens",
  generateZoneToken: "generate zone tokens",
  viewConfigDump: "view configuration dumps",
  viewStats: "view statistics",
  viewClusters: "view clusters",
  controlPlaneMetadata: "view the control plane's configuration",
};

/** Whether a user may do something other than read and write resources. The error is a sentence for the 403's detail. */
export function checkAction(
  config: AccessConfig,
  user: User,
  action: Exclude<AccessAction, "adminResources">,
): Outcome<void, string> {
  if (isListed(config[action], user)) return success(undefined);
  return failure(`action not allowed: user "${userText(user)}" cannot ${refusals[action]}`);
}

/** Whether a user may read and write resources of a kind: only kinds that are `adminOnly` are guarded. */
export function checkResource(
  config: AccessConfig,
  user: User,
  kind: { readonly type: string; readonly adminOnly?: boolean },
): Outcome<void, string> {
  if (kind.adminOnly !== true || isListed(config.adminResources, user)) return success(undefined);
  return failure(`user "${userText(user)}" cannot access the resource of type "${kind.type}"`);
}

function isListed(list: AccessList, user: User): boolean {
  if (user === controlPlaneUser) return true;
  return list.users.includes(user.name) || user.groups.some((group) => list.groups.includes(group));
}
