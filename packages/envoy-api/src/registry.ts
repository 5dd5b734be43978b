import type { Registry } from "@bufbuild/protobuf";
import { allTypes } from "./all-types.ts";

/**
 * Every message that a configuration of Envoy may hold, for toJson and fromJson to look inside a google.protobuf.Any.
 * It reads all descriptors, so import it only where JSON is printed or read.
 */
export const envoyRegistry: Registry = allTypes();
