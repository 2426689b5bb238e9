/** The view as the fragment of the address, so that a link shows the same. The server never sees a fragment. */

import { DEFAULTS } from "../input/transform.js";

/** Longer series are not put into links. */
export const MAX_LINK_VALUES = 4000;

/**
 * @typedef {{id?: string, input?: string, name: string, channels: number[][]}} Source a series before changes; `input` is
 *   the input that it came from
 * @typedef {{source: Source, changes: import("../input/transform.js").Changes}} Shown
 */

/**
 * The fragment of a view.
 * @param {Shown} shown
 * @param {Shown|null} pinned
 * @param {[number, number]|null} zoom
 * @param {string|null} explained label that is explained, empty for the predicted one; null without an explanation
 */
export function encodeView(shown, pinned, zoom, explained) {
  const parts = new URLSearchParams();
  write(parts, "", shown);
  if (pinned) write(parts, "pin.", pinned);
  if (zoom) parts.set("zoom", zoom.map((edge) => Math.round(edge)).join("-"));
  if (explained !== null) parts.set("explain", explained);
  return parts.toString();
}

/**
 * The view of a fragment; parts that are not valid are left out.
 * @param {string} text
 * @param {(id: string) => Source|undefined} sampleOf
 * @returns {{shown: Shown|null, pinned: Shown|null, zoom: [number, number]|null, explained: string|null}}
 */
export function decodeView(text, sampleOf) {
  const parts = new URLSearchParams(text.replace(/^#/, ""));
  const zoom = /^(\d+)-(\d+)$/.exec(parts.get("zoom") ?? "");
  return {
    shown: read(parts, "", sampleOf),
    pinned: read(parts, "pin.", sampleOf),
    zoom: zoom && Number(zoom[1]) < Number(zoom[2]) ? [Number(zoom[1]), Number(zoom[2])] : null,
    explained: parts.get("explain"),
  };
}

function write(parts, prefix, { source, changes }) {
  if (source.id) parts.set(`${prefix}sample`, source.id);
  else if (source.channels.length * source.channels[0].length <= MAX_LINK_VALUES) {
    parts.set(`${prefix}name`, source.name);
    parts.set(`${prefix}values`, source.channels.map(pack).join("."));
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value !== DEFAULTS[name]) parts.set(`${prefix}${name}`, String(value));
  }
}

function read(parts, prefix, sampleOf) {
  const id = parts.get(`${prefix}sample`);
  const values = parts.get(`${prefix}values`);
  let source = id ? sampleOf(id) : undefined;
  if (values) {
    try {
      source = { name: parts.get(`${prefix}name`) || "from a link", channels: values.split(".").map(unpack) };
    } catch {
      source = undefined;
    }
  }
  if (!source) return null;
  const changes = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) {
    const value = Number(parts.get(`${prefix}${name}`) ?? NaN);
    if (Number.isFinite(value)) changes[name] = value;
  }
  return { source, changes };
}

/** Values as base64url of float32 where that loses nothing (`f`), else of float64 (`d`). */
function pack(values) {
  const single = values.every((value) => Math.fround(value) === value);
  const bytes = new Uint8Array((single ? Float32Array : Float64Array).from(values).buffer);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return (single ? "f" : "d") + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function unpack(text) {
  const binary = atob(text.slice(1).replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const values = [...new (text[0] === "f" ? Float32Array : Float64Array)(bytes.buffer)];
  if (!values.length || !values.every(Number.isFinite)) throw new RangeError("no finite values");
  return values;
}
