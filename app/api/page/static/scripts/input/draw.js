/** Draws a series with the pointer on a chart. */

/**
 * Let the pointer draw on a chart while `isOn` says so.
 * @param {HTMLElement} host of the chart
 * @param {() => any} plotOf the uPlot object
 * @param {() => boolean} isOn
 * @param {() => number[]} valuesOf what is drawn over
 * @param {(values: number[]) => void} onDraw called with all values while the pointer moves
 */
export function enableDrawing(host, plotOf, isOn, valuesOf, onDraw) {
  let last = null;
  host.addEventListener("pointerdown", (event) => {
    const over = event.target.closest?.(".u-over");
    if (!isOn() || !over || event.button !== 0) return;
    event.preventDefault();
    host.setPointerCapture(event.pointerId);
    last = place(plotOf(), over, event, valuesOf().length);
    onDraw(filled(valuesOf(), last, last));
  });
  host.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(plotOf(), host.querySelector(".u-over"), event, valuesOf().length);
    onDraw(filled(valuesOf(), last, next));
    last = next;
  });
  for (const event of ["pointerup", "pointercancel"]) host.addEventListener(event, () => (last = null));
}

/** Where the pointer is: a position in the series, and a value. */
function place(plot, over, event, length) {
  const box = over.getBoundingClientRect();
  const within = (value, size) => Math.min(Math.max(value, 0), size);
  const index = Math.round(plot.posToVal(within(event.clientX - box.left, box.width), "x")) - 1;
  const value = plot.posToVal(within(event.clientY - box.top, box.height), "y");
  return { index: Math.min(Math.max(index, 0), length - 1), value: Number(value.toPrecision(5)) };
}

/** A copy with a straight line from one place to another: a fast pointer skips values. */
function filled(values, from, to) {
  const found = [...values];
  const [first, last] = from.index <= to.index ? [from, to] : [to, from];
  for (let index = first.index; index <= last.index; index++) {
    const share = last.index === first.index ? 1 : (index - first.index) / (last.index - first.index);
    found[index] = first.value + (last.value - first.value) * share;
  }
  if (to.index === from.index) found[to.index] = to.value;
  return found;
}
