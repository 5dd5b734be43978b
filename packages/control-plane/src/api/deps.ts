import type { LabelContext, NewResource, Registry } from "@skein/model";
import type { Outcome } from "../identity/outcome.ts";
import type { SecretsCipher } from "../identity/secrets-cipher.ts";
import type { Previews } from "../preview/port.ts";
import type { Store, Write } from "../store/store.ts";
import type { AccessConfig } from "../tokens/access.ts";
import type { ApiRequest } from "../tokens/authn.ts";
import type { TokenIssuer } from "../tokens/issue.ts";
import type { User } from "../tokens/user.ts";
import type { ChangeTracker, EnvoyAdmin, Plans, Proxies, Trial } from "./ports.ts";

/** What the API needs to know of the control plane's configuration. */
export interface ApiSettings extends LabelContext {
  /** Refuses every write. */
  readonly readOnly: boolean;
  /** Prefix of all paths, `/` for none. */
  readonly basePath: string;
  readonly corsAllowedDomains: readonly string[];
  readonly guiEnabled: boolean;
  /** `store.unsafeDelete`: switches the guards of deletes off. */
  readonly unsafeDelete: boolean;
  /** `dpServer.hds.enabled`: inbounds with a probe wait for its result. */
  readonly probes: boolean;
  readonly product: string;
  readonly version: string;
  readonly basedOnKuma?: string;
  readonly hostname: string;
  readonly instanceId: string;
  readonly clusterId: string;
  /** Domain and port under which service insights show services. */
  readonly dnsDomain: string;
  readonly serviceVipPort: number;
}

/** Where the API reports what is not the caller's fault. */
export interface ApiLog {
  error(details: Readonly<Record<string, unknown>>, message: string): void;
}

/** All that the API stands on. */
export interface ApiDeps {
  readonly store: Store;
  readonly registry: Registry;
  readonly settings: ApiSettings;
  /** The effective configuration with its secrets masked, for `/config`. */
  readonly maskedConfig: () => unknown;
  /** Who sent a request; the error becomes a 401. `authenticate` of tokens/authn.ts with its configuration. */
  readonly authenticate: (request: ApiRequest) => Promise<Outcome<User, string>>;
  readonly access: AccessConfig;
  /** Absent where issuing tokens is disabled. */
  readonly tokens?: TokenIssuer;
  /** Encrypts secrets at rest: the API shows and takes them in clear. */
  readonly cipher: SecretsCipher;
  readonly changes: ChangeTracker;
  readonly proxies: Proxies;
  readonly plans: Plans;
  readonly previews: Previews;
  readonly envoyAdmin: EnvoyAdmin;
  /** Finds out what a document would do before it is written; absent where nothing is tried. */
  readonly trial?: (next: NewResource) => Promise<Trial>;
  /** A write of a resource of this type was answered with warnings. */
  readonly warned: (type: string, warnings: number) => void;
  /** What goes into the transaction that writes a Mesh; `before` is absent when it is created. */
  readonly onMeshWritten: (mesh: NewResource, before: NewResource | undefined) => Promise<readonly Write[]>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: ApiLog;
}
