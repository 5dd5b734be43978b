import type { Fragment } from "./fragment.ts";
import { BYTES, VARINT, WireReader } from "./wire.ts";

const listeners = new WeakMap<Fragment, ListenerFields>();

const CLUSTER_NAME = (1 << 3) | BYTES;
const CLUSTER_TYPE = (2 << 3) | VARINT;
const CLUSTER_EDS_CONFIG = (3 << 3) | BYTES;
const EDS_SERVICE_NAME = (2 << 3) | BYTES;
const DISCOVERY_TYPE_EDS = 3;
const LISTENER_ADDRESS = (2 << 3) | BYTES;
const LISTENER_USE_ORIGINAL_DST = (4 << 3) | BYTES;
const BOOL_VALUE = (1 << 3) | VARINT;

interface ListenerFields {
  readonly address: string | undefined;
  readonly handsOver: boolean;
}

/**
 * The name under which Envoy asks for the endpoints of a cluster: `eds_cluster_config.service_name`, or the cluster's
 * own name. Undefined for a cluster that does not use EDS. Read from the encoded cluster once per fragment.
 */
export function edsNameOf(cluster: Fragment): string | undefined {
  const { notes } = cluster;
  if (notes.edsName === undefined) notes.edsName = readEdsName(contentOf(cluster)) ?? null;
  return notes.edsName ?? undefined;
}

/** The encoded address of a listener, for comparison: Envoy refuses a second listener on the same address. */
export function addressOf(listener: Fragment): string | undefined {
  return fieldsOf(listener).address;
}

/** Whether a listener hands what it accepts over to the listener at the address that was called: `use_original_dst`. */
export function handsOver(listener: Fragment): boolean {
  return fieldsOf(listener).handsOver;
}

function fieldsOf(listener: Fragment): ListenerFields {
  let known = listeners.get(listener);
  if (known === undefined) {
    known = readListener(contentOf(listener));
    listeners.set(listener, known);
  }
  return known;
}

function contentOf(fragment: Fragment): WireReader {
  const any = new WireReader(fragment.any);
  for (let tag = any.tag(); tag !== 0; tag = any.tag()) {
    if (tag === ((2 << 3) | BYTES)) return any.message();
    any.skip(tag);
  }
  return new WireReader(new Uint8Array());
}

function readEdsName(cluster: WireReader): string | undefined {
  let name = "";
  let type = 0;
  let serviceName = "";
  for (let tag = cluster.tag(); tag !== 0; tag = cluster.tag()) {
    if (tag === CLUSTER_NAME) name = cluster.string();
    else if (tag === CLUSTER_TYPE) type = cluster.varint();
    else if (tag === CLUSTER_EDS_CONFIG) {
      const config = cluster.message();
      for (let inner = config.tag(); inner !== 0; inner = config.tag()) {
        if (inner === EDS_SERVICE_NAME) serviceName = config.string();
        else config.skip(inner);
      }
    } else cluster.skip(tag);
  }
  if (type !== DISCOVERY_TYPE_EDS) return undefined;
  return serviceName === "" ? name : serviceName;
}

function readListener(listener: WireReader): ListenerFields {
  let address: string | undefined;
  let isOriginal = false;
  for (let tag = listener.tag(); tag !== 0; tag = listener.tag()) {
    if (tag === LISTENER_ADDRESS) address = listener.bytes().toString("latin1");
    else if (tag === LISTENER_USE_ORIGINAL_DST) {
      const wrapper = listener.message();
      for (let inner = wrapper.tag(); inner !== 0; inner = wrapper.tag()) {
        if (inner === BOOL_VALUE) isOriginal = wrapper.varint() !== 0;
        else wrapper.skip(inner);
      }
    } else listener.skip(tag);
  }
  return { address, handsOver: isOriginal };
}
