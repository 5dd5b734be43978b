import type { KindDefinition } from "@skein/model";
import { policyList } from "./list.ts";

/** The resource kinds of all policies, without their translation to Envoy. */
export const policyKinds: readonly KindDefinition[] = policyList.map(({ kind }) => kind);
