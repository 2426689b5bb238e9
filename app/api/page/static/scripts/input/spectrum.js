/** Power spectra, as `app/api/page/samples.py` computes those of the classes: Welch's method. */

import { moments } from "./transform.js";

/**
 * The logarithm to base 10 of the mean power over overlapping Hann windows, of a standardised series; the mean over
 * channels.
 * @param {number[][]} channels
 * @param {number} window number of values in a window
 * @returns {number[]} at the frequencies k / window cycles per value, `window / 2 + 1` of them
 */
export function logPower(channels, window) {
  const bins = Math.floor(window / 2) + 1;
  const power = new Float64Array(bins);
  const hann = Array.from({ length: window }, (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / window));
  const waves = Array.from({ length: window }, (_, index) => [
    Math.cos((2 * Math.PI * index) / window),
    Math.sin((2 * Math.PI * index) / window),
  ]);
  const norm = hann.reduce((sum, value) => sum + value * value, 0);
  let windows = 0;
  for (const values of channels) {
    const { mean, deviation } = moments(values);
    const step = Math.max(1, Math.floor(window / 2));
    for (let start = 0; start + window <= values.length; start += step, windows++) {
      const part = hann.map((weight, index) => (weight * (values[start + index] - mean)) / (deviation || 1));
      for (let bin = 0; bin < bins; bin++) {
        let real = 0;
        let imaginary = 0;
        for (let index = 0; index < window; index++) {
          const [cosine, sine] = waves[(bin * index) % window];
          real += part[index] * cosine;
          imaginary += part[index] * sine;
        }
        power[bin] += (real * real + imaginary * imaginary) / norm;
      }
    }
  }
  return Array.from(power, (sum) => Math.log10(sum / Math.max(1, windows) + 1.18e-38));
}
