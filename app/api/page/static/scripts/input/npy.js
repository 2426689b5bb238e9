/** Reads NumPy's .npy files: numbers of one or two dimensions, or three with channels last. */

const TYPES = {
  f4: ["getFloat32", 4],
  f8: ["getFloat64", 8],
  i1: ["getInt8", 1],
  u1: ["getUint8", 1],
  i2: ["getInt16", 2],
  u2: ["getUint16", 2],
  i4: ["getInt32", 4],
  u4: ["getUint32", 4],
  i8: ["getBigInt64", 8],
  u8: ["getBigUint64", 8],
};

/** Whether bytes begin as an .npy file does. */
export function isNpy(bytes) {
  return bytes.length > 10 && bytes[0] === 0x93 && String.fromCharCode(...bytes.subarray(1, 6)) === "NUMPY";
}

/**
 * The numbers of a file.
 * @param {Uint8Array} bytes
 * @returns {{shape: number[], values: Float64Array}} in C order
 * @throws {RangeError} with a sentence for the user
 */
export function readNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] > 1;
  const size = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + size;
  const header = new TextDecoder("latin1").decode(bytes.subarray(wide ? 12 : 10, start));
  const type = /'descr':\s*'([<>|=])([fiu]\d)'/.exec(header);
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1].split(",").map((part) => part.trim()).filter(Boolean).map(Number);
  if (!type || !TYPES[type[2]] || !shape?.every(Number.isSafeInteger)) {
    throw new RangeError("This .npy file does not hold plain numbers. Save float32, float64 or integers.");
  }
  if (/'fortran_order':\s*True/.test(header)) {
    throw new RangeError("This .npy file is in Fortran order. Save numpy.ascontiguousarray(array).");
  }
  const [read, width] = TYPES[type[2]];
  const total = shape.reduce((product, each) => product * each, 1);
  if (start + total * width > bytes.length) throw new RangeError("This .npy file is cut off: save it again.");
  const little = type[1] !== ">";
  const values = Float64Array.from({ length: total }, (_, index) => Number(view[read](start + index * width, little)));
  return { shape, values };
}
