/** Renders the Markdown of a model card: headings, paragraphs, lists, tables, code. Never HTML. */

import { el } from "../../core/dom.js";

/**
 * The elements of a text. Pictures are left out: the server does not send them. Headings begin at level 3.
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function markdown(text) {
  const lines = text.split(/\r?\n/);
  const found = [];
  let at = 0;
  const take = (test) => {
    const taken = [];
    while (at < lines.length && test(lines[at])) taken.push(lines[at++]);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim() || /^!\[/.test(line)) at++;
    else if (/^#{1,6} /.test(line)) found.push(heading(lines[at++]));
    else if (line.startsWith("```")) {
      at++;
      const code = take((each) => !each.startsWith("```"));
      at++;
      found.push(el("pre", { tabindex: 0 }, el("code", { text: code.join("\n") })));
    } else if (line.startsWith("|")) found.push(table(take((each) => each.startsWith("|"))));
    else if (/^[-*] /.test(line)) {
      const items = take((each) => /^([-*] |\s+\S)/.test(each));
      found.push(el("ul", {}, ...joined(items).map((item) => el("li", {}, ...inline(item)))));
    } else {
      // The first line is taken whatever it is: each step must move on.
      const rest = [lines[at++], ...take((each) => each.trim() && !/^(#{1,6} |```|\||[-*] |!\[)/.test(each))];
      found.push(el("p", {}, ...inline(rest.join(" "))));
    }
  }
  return withoutEmptySections(found);
}

function heading(line) {
  const [, marks, text] = /^(#{1,6}) (.*)$/.exec(line);
  return el(`h${Math.min(6, marks.length + 2)}`, {}, ...inline(text));
}

function joined(lines) {
  const items = [];
  for (const line of lines) {
    if (/^[-*] /.test(line)) items.push(line.slice(2));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return items;
}

function table(lines) {
  const rows = lines.map((line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()));
  const [head, , ...body] = rows;
  const header = head.some(Boolean)
    ? el("thead", {}, el("tr", {}, ...head.map((cell) => (cell ? el("th", { scope: "col" }, ...inline(cell)) : el("td")))))
    : null;
  const cells = body.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, ...inline(cell)))));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table: ${head.concat(body[0] ?? []).filter(Boolean).join(", ")}` }, el("table", {}, header, el("tbody", {}, ...cells)));
}

/** Bold, code and links; of a link its text, and its address if that is absolute. */
function inline(text) {
  const found = [];
  const pattern = /\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\((\S+?)\)/g;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) found.push(document.createTextNode(text.slice(end, match.index)));
    const [, bold, code, link, address] = match;
    if (bold) found.push(el("strong", {}, ...inline(bold)));
    else if (code) found.push(el("code", { text: code }));
    else found.push(/^https?:\/\//.test(address) ? el("a", { href: address, rel: "noreferrer", text: link }) : document.createTextNode(link));
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push(document.createTextNode(text.slice(end)));
  return found;
}

/** Leave out a heading that nothing follows: a section of pictures alone. */
function withoutEmptySections(elements) {
  const level = (element) => Number(/^H(\d)$/.exec(element?.tagName ?? "")?.[1] ?? 0);
  return elements.filter((element, index) => {
    const next = level(elements[index + 1]);
    return !level(element) || (elements[index + 1] && (!next || next > level(element)));
  });
}
