/** What the sliders do to a series. The same changes always give the same series: links depend on it. */

/**
 * @typedef {Object} Changes
 * @property {number} noise standard deviation of white noise, in standard deviations of the series
 * @property {number} decimals kept of a series with standard deviation 1; 6 keeps all
 * @property {number} shift in standard deviations
 * @property {number} scale logarithm to base 10 of the factor
 * @property {number} gap share of the series that is cut out and bridged by a line
 * @property {number} stretch factor of time; above 1 the series is slower
 */

/** @type {Changes} */
export const DEFAULTS = Object.freeze({ noise: 0, decimals: 6, shift: 0, scale: 0, gap: 0, stretch: 1 });

/** Whether a series stays as it is. */
export function isUnchanged(changes) {
  return Object.entries(DEFAULTS).every(([name, value]) => changes[name] === value);
}

/**
 * A changed copy of a series.
 * @param {number[][]} channels
 * @param {Changes} changes
 * @returns {number[][]}
 */
export function transform(channels, changes) {
  if (isUnchanged(changes)) return channels;
  const random = gaussian(1);
  return channels.map((values) => transformed(values, changes, random));
}

function transformed(values, changes, random) {
  const { mean, deviation } = moments(values);
  const unit = deviation || 1;
  let found = changes.stretch === 1 ? [...values] : stretched(values, changes.stretch);
  if (changes.gap > 0) bridge(found, changes.gap);
  if (changes.noise > 0) found = found.map((value) => value + changes.noise * unit * random());
  if (changes.decimals < DEFAULTS.decimals) {
    const step = unit / 10 ** changes.decimals;
    // A step that is a short decimal number gives short decimal numbers.
    found = found.map((value) => Number((mean + Math.round((value - mean) / step) * step).toPrecision(12)));
  }
  const factor = 10 ** changes.scale;
  return found.map((value) => value * factor + changes.shift * unit * factor);
}

/** Mean and standard deviation. */
export function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

/** As many values, at other times: interpolated linearly, mirrored at the end where the series is too short. */
function stretched(values, factor) {
  const last = values.length - 1;
  if (last < 1) return [...values];
  return values.map((_value, index) => {
    const time = index / factor;
    const turn = time % (2 * last);
    const place = turn > last ? 2 * last - turn : turn;
    const before = Math.min(Math.floor(place), last - 1);
    return values[before] + (values[before + 1] - values[before]) * (place - before);
  });
}

/** Replace the middle of a series by a straight line. */
function bridge(values, share) {
  const width = Math.round(values.length * share);
  const start = Math.floor((values.length - width) / 2);
  const from = values[Math.max(0, start - 1)];
  const to = values[Math.min(values.length - 1, start + width)];
  for (let index = 0; index < width; index++) {
    values[start + index] = from + ((to - from) * (index + 1)) / (width + 1);
  }
}

/** Normal random numbers from a seed: Mulberry32 and the Box–Muller transform. */
export function gaussian(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
