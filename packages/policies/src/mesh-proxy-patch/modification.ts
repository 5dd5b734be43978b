import type { DescMessage, MessageShape, Registry } from "@bufbuild/protobuf";
import type { Origin } from "../plan/origin.ts";
import type {
  JsonPatchStep,
  ModificationConf,
  ModificationKind,
  ModificationMatch,
  Operation,
} from "./conf.ts";
import { readNativeValue, VALUE_TYPES } from "./native-value.ts";

/** A modification with its value read. */
export interface Modification<Kind extends ModificationKind = ModificationKind> {
  readonly kind: Kind;
  readonly operation: Operation;
  readonly match: ModificationMatch;
  readonly value: MessageShape<(typeof VALUE_TYPES)[Kind]> | undefined;
  readonly jsonPatches: readonly JsonPatchStep[];
  readonly origin: Origin;
  /** Why its value cannot be read. Validation refuses such a document, but it may be from elsewhere. */
  readonly problem: string | undefined;
}

/** Reads the value of a modification. */
export function readModification<Kind extends ModificationKind>(
  types: Registry,
  kind: Kind,
  conf: ModificationConf,
  origin: Origin,
): Modification<Kind> {
  const read =
    conf.value === undefined ? undefined : readNativeValue<DescMessage>(types, VALUE_TYPES[kind], conf.value);
  return {
    kind,
    operation: conf.operation,
    match: conf.match ?? {},
    value: read?.ok === true ? (read.message as MessageShape<(typeof VALUE_TYPES)[Kind]>) : undefined,
    jsonPatches: conf.jsonPatches ?? [],
    origin,
    problem: read?.ok === false ? read.problems.join("; ") : undefined,
  };
}

/** Whether a modification is of a kind, so that its value is of that kind's type. */
export function isKind<Kind extends ModificationKind>(
  modification: Modification,
  kind: Kind,
): modification is Modification<Kind> {
  return modification.kind === kind;
}
