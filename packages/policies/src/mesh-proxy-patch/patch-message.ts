import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import type { JsonPatchStep } from "./conf.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { mergeMessage } from "./merge-message.ts";
import { dotted } from "./native-value.ts";
import { checkMessage } from "./typed-json.ts";

/** What a `Patch` does to one message. */
export interface MessagePatch<Desc extends DescMessage> {
  /** Merged into the message where it is there. */
  readonly value: MessageShape<Desc> | undefined;
  readonly jsonPatches: readonly JsonPatchStep[];
}

/** A modification that cannot be done; its message says why. */
export class PatchError extends Error {
  override readonly name = "PatchError";
}

/**
 * The message with a patch done; `message` itself may change.
 * @throws PatchError and JsonPatchError
 */
export function patchMessage<Desc extends DescMessage>(
  types: Registry,
  schema: Desc,
  message: MessageShape<Desc>,
  { value, jsonPatches }: MessagePatch<Desc>,
): MessageShape<Desc> {
  if (value !== undefined) mergeMessage(schema, message, value);
  if (jsonPatches.length === 0) return message;
  const json = applyJsonPatch(toJson(schema, message, { registry: types }), jsonPatches);
  const [problem] = checkMessage(types, schema, json);
  if (problem !== undefined) {
    throw new PatchError(`after the JSON patches ${dotted(problem.path) || "it"}: ${problem.reason}`);
  }
  return fromJson(schema, json as JsonValue, { registry: types });
}
