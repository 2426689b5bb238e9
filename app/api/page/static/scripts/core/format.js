/** Numbers and names as the page shows them. */

/** A probability in per cent; never 100 or 0 where it only comes close. */
export function percent(p) {
  const shown = p * 100;
  if (p > 0 && shown < 0.01) return "< 0.01\u00a0%";
  if (p < 1 && shown > 99.99) return "> 99.99\u00a0%";
  return `${shown.toFixed(2)}\u00a0%`;
}

/** A share in per cent, without decimals unless it is close to all. */
export function share(value) {
  return `${(value * 100).toFixed(value > 0.99 && value < 1 ? 1 : 0)}\u00a0%`;
}

/** A value with about four significant digits. */
export function number(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}

/** Milliseconds. */
export function milliseconds(value) {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}

/** A count with its noun: `count(2, "value")` is "2 values". */
export function count(n, noun, plural = noun === "series" ? "series" : `${noun}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : plural}`;
}

/** Words joined as a sentence has them: "a, b or c". */
export function either(words, last = "or") {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}
