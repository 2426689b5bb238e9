/** Reads files of one or many series. */

import { isNpy, readNpy } from "./npy.js";
import { readText } from "./text.js";

export const MAX_FILE_BYTES = 64 * 1024 * 1024;
export const MAX_SERIES = 20000;

/**
 * The series of a file.
 * @param {File} file
 * @param {{length: number, channels: number}} spec
 * @returns {Promise<{label: string|null, values: number[]}[]>} time steps one after the other, channels last
 * @throws {RangeError} with a sentence for the user
 */
export async function readFile(file, spec) {
  if (file.size > MAX_FILE_BYTES) {
    throw new RangeError("This file is larger than 64 MB. Use the Python client or `timeseries-server predict`.");
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const size = spec.length * spec.channels;
  const rows = isNpy(bytes) ? rowsOf(readNpy(bytes), spec) : readText(decode(bytes), size);
  if (rows.length > MAX_SERIES) {
    throw new RangeError(
      `This file has ${rows.length.toLocaleString("en")} series; the page takes ${MAX_SERIES.toLocaleString("en")}. ` +
        "Use the Python client.",
    );
  }
  return rows;
}

function decode(bytes) {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new RangeError("This file is compressed. Unpack it first.");
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw new RangeError("This is a zip archive, such as .npz or .xlsx. Save the array as .npy, or the sheet as .csv.");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RangeError("This file is neither text nor .npy. Drop a .tsv, .csv, .txt, .json or .npy file.");
  }
}

function rowsOf({ shape, values }, spec) {
  const one = shape.length === 1 || (shape.length === 2 && spec.channels > 1 && shape[1] === spec.channels);
  const rows = one ? 1 : shape[0];
  const width = rows ? values.length / rows : 0;
  if (!width || shape.length > 3) {
    throw new RangeError(`This array has the shape (${shape.join(", ")}); expected (n, ${spec.length}).`);
  }
  return Array.from({ length: rows }, (_, row) => ({
    label: null,
    values: [...values.subarray(row * width, (row + 1) * width)],
  }));
}
