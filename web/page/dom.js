// Elements from words. Text always becomes a text node: names come from devices and images, and may be anything.

export const $ = (id) => document.getElementById(id);

/** el("td", {class: "number"}, "12", el("b", {}, "!")): attributes, then children; null and false are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/** Columns: {title, number}; rows: arrays of texts or elements. The first column names the row. */
export function table(caption, columns, rows) {
  const style = (column) => ({ class: column.number ? "number" : null });
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, ...columns.map((c) => el("th", { scope: "col", ...style(c) }, c.title)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell, i) =>
        i === 0 ? el("th", { scope: "row" }, cell) : el("td", style(columns[i]), cell)))))));
}

/** What to do when there is nothing to show yet. */
export function empty(text, command) {
  return el("div", { class: "empty card" }, el("p", {}, text), command ? el("pre", {}, el("code", {}, command)) : null);
}
