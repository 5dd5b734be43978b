/** Who sent a request. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The group of everybody who said who they are. */
export const authenticatedGroup = "mesh-system:authenticated";

/** The group of everybody else. */
export const unauthenticatedGroup = "mesh-system:unauthenticated";

/** User and group that may do everything. */
export const adminName = "mesh-system:admin";

/** The admin, as recognised by a local address or a client certificate. */
export const adminUser: User = { name: adminName, groups: [adminName, authenticatedGroup] };

/** Somebody who did not say who they are. */
export const anonymousUser: User = { name: "mesh-system:anonymous", groups: [unauthenticatedGroup] };

/** The control plane itself, when it writes. */
export const controlPlaneUser: User = { name: "mesh-system:control-plane", groups: [] };

/** A user as messages name them: `name/group1,group2`. */
export function userText(user: User): string {
  return user.groups.length === 0 ? user.name : `${user.name}/${user.groups.join(",")}`;
}
