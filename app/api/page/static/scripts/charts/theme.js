/** Colours and sizes of charts, from the style sheet: one place decides both themes. */

/** The value of a custom property, such as `--ink`. */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The custom property with the colour of a class, by its position among the labels. */
export function classColour(index) {
  return `--class-${index % 8}`;
}

/** Call a function when the theme changes. */
export function onTheme(listener) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}

/** Size of the root element's font in pixels: charts grow with the text. */
export function rem() {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}
