import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  type FilterChain,
  FilterChainSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { Fragment, XdsType } from "../xds/fragment.ts";
import type { FragmentTable } from "../xds/fragment-table.ts";
import { fieldOf } from "../xds/joined.ts";

/** Makes fragments of messages. Those are let go of: they are several times the size of their bytes. */
export class Encoder {
  readonly #table: FragmentTable;

  constructor(table: FragmentTable) {
    this.#table = table;
  }

  /** The fragment of a message. @param origins KRIs of the policies that shaped it, sorted */
  message<Desc extends DescMessage>(
    type: XdsType,
    name: string,
    schema: Desc,
    message: MessageShape<Desc>,
    origins: readonly string[],
  ): Fragment {
    return this.#table.intern(type, name, toBinary(schema, message), origins);
  }

  /** A listener with chains that were encoded before. */
  listener(head: Listener, chains: readonly EncodedChain[], origins: readonly string[]): Fragment {
    const parts = [toBinary(ListenerSchema, head), ...chains.map(({ chain }) => chain)];
    return this.#table.intern("listener", head.name, parts, origins);
  }
}

/** A chain as several listeners have it. */
export interface EncodedChain {
  /** The field of a listener with the chain. */
  readonly chain: Uint8Array;
  /** KRIs of the policies behind the chain. */
  readonly origins: readonly string[];
}

/** The field of a listener with this chain. */
export function chainField(chain: FilterChain): Uint8Array {
  return fieldOf(ListenerSchema.field.filterChains.number, [toBinary(FilterChainSchema, chain)]);
}
