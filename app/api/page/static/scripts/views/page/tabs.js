/** Tabs as the ARIA practices have them: arrow keys move, one tab is in the tab order. */

/**
 * Make a tab list work. Each tab names its panel by `aria-controls`.
 * @param {HTMLElement} list
 * @param {(id: string) => void} [onChange] called with the id of the panel
 * @returns {(id: string) => void} opens the panel of an id
 */
export function enableTabs(list, onChange) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const select = (chosen, focus = false) => {
    for (const tab of tabs) {
      const selected = tab === chosen;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !selected;
    }
    if (focus) chosen.focus();
    onChange?.(chosen.getAttribute("aria-controls"));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) select(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(tabs[(to + tabs.length) % tabs.length], true);
  });
  return (id) => select(tabs.find((tab) => tab.getAttribute("aria-controls") === id));
}
