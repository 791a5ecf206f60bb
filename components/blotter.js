// Orders, fills and balances as tables: rows are keyed and patched in place.
// While the pointer moves over the rows nothing is inserted or taken out, so that no row slides under a click.
import { day, el, linkUp, opensOrder, put, when } from "numatix/index.js";

const HOLD_MS = 900;

export default {
  props: { tabs: Array, start: Object },
  emits: ["cancel", "cancelall", "open"],
  render() {
    return Vue.h("div", { class: "blotter" });
  },
  mounted() {
    this.movedAt = -Infinity;
    this.over = false;
    this.tables = {};
    this.build();
    for (const [name, rows] of Object.entries(this.start ?? {})) this.reset(name, rows);
    this.choose(this.tabs[0].name);
    this.timer = setInterval(() => this.tick(), 500);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  methods: {
    build() {
      const head = this.$el.appendChild(el("div", "head"));
      head.setAttribute("role", "tablist");
      for (const tab of this.tabs) {
        const button = head.appendChild(el("button", "tab"));
        button.type = "button";
        button.setAttribute("role", "tab");
        button.dataset.tab = tab.name;
        button.append(el("span", "", tab.title), el("span", "", ""));
        button.addEventListener("click", () => this.choose(tab.name));
        this.tables[tab.name] = { tab, button, ...this.buildTable(tab), rows: new Map(), waiting: new Map() };
      }
      head.appendChild(el("span", "spring"));
      this.all = head.appendChild(el("button", "small danger", "Cancel all"));
      this.all.type = "button";
      this.all.addEventListener("click", () => linkUp() && this.$emit("cancelall"));
    },
    buildTable(tab) {
      const scroll = this.$el.appendChild(el("div", "scroll"));
      scroll.dataset.table = tab.name;
      const table = scroll.appendChild(el("table", "table"));
      const line = table.createTHead().insertRow();
      for (const [title, align] of tab.columns) line.appendChild(el("th", align, title));
      const body = table.createTBody();
      const empty = scroll.appendChild(el("div", "empty", tab.empty));
      body.addEventListener("pointermove", () => { this.movedAt = performance.now(); this.over = true; });
      body.addEventListener("pointerleave", () => { this.over = false; this.settle(); });
      return { scroll, body, empty };
    },
    choose(name) {
      this.shown = name;
      for (const table of Object.values(this.tables)) {
        const on = table.tab.name === name;
        table.button.setAttribute("aria-selected", String(on));
        table.scroll.style.display = on ? "" : "none";
      }
      this.showAll();
    },
    showAll() {
      const open = this.tables.open;
      this.all.style.visibility = this.shown === "open" && open && this.count(open) > 0 ? "" : "hidden";
    },
    /** All rows of one table, newest first. */
    reset(name, rows) {
      const table = this.tables[name];
      table.waiting.clear();
      const keys = new Set(rows.map((row) => row.key));
      for (const key of [...table.rows.keys()]) if (!keys.has(key)) this.remove(table, key);
      for (const row of rows) this.place(table, row);
      this.finish(table);
    },
    /** Rows that are new or changed, and keys that are gone. */
    patch(name, rows, gone) {
      const table = this.tables[name];
      for (const row of rows) {
        if (table.rows.has(row.key) || !this.held()) this.place(table, row);
        else table.waiting.set(row.key, row);
      }
      for (const key of gone) {
        table.waiting.delete(key);
        const known = table.rows.get(key);
        if (!known) continue;
        if (this.held() && this.shown === name) { known.node.classList.add("leaving"); known.leaving = true; }
        else this.remove(table, key);
      }
      this.finish(table);
    },
    held() {
      return this.over && performance.now() - this.movedAt < HOLD_MS;
    },
    settle() {
      for (const table of Object.values(this.tables)) {
        for (const [key, row] of table.rows) if (row.leaving) this.remove(table, key);
        for (const row of table.waiting.values()) this.place(table, row);
        table.waiting.clear();
        this.finish(table);
      }
    },
    place(table, row) {
      let known = table.rows.get(row.key);
      if (!known) {
        known = { node: el("tr"), order: row.order, cells: [], leaving: false };
        known.node.dataset.key = row.key;
        table.rows.set(row.key, known);
        if (row.opens) opensOrder(known.node, () => this.$emit("open", row.opens));
        const after = [...table.body.children].find((other) => other.sort < row.order);
        known.node.sort = row.order;
        table.body.insertBefore(known.node, after ?? null);
      }
      known.leaving = false;
      known.node.classList.remove("leaving");
      row.cells.forEach((cell, i) => this.cell(known, i, cell, table.tab.columns[i][1]));
    },
    /** A cell is plain text, or an object: {text, kind, title, time, since, cancel}. */
    cell(row, i, cell, align) {
      const signature = JSON.stringify(cell);
      let known = row.cells[i];
      if (known?.signature === signature) return;
      if (!known) {
        known = row.cells[i] = { td: row.node.appendChild(el("td", align)) };
      }
      known.signature = signature;
      known.since = null;
      if (typeof cell === "string") return put(known.td, cell);
      if (cell.cancel) return this.cancelButton(known.td, cell);
      if (cell.time) { known.td.title = `${day(cell.time)} ${when(cell.time)}`; return put(known.td, when(cell.time)); }
      const span = known.td.firstElementChild ?? known.td.appendChild(el("span"));
      span.className = cell.kind ?? "";
      put(span, cell.text);
      if (cell.title) span.title = cell.title; else span.removeAttribute("title");
      if (cell.since) known.since = { at: cell.since, text: cell.text, span };
    },
    cancelButton(td, cell) {
      td.replaceChildren();
      const button = td.appendChild(el("button", "small danger", "✕"));
      button.type = "button";
      button.title = "Cancel this order";
      button.setAttribute("aria-label", "Cancel this order");
      button.disabled = cell.cancel === "sent";
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        if (!linkUp()) return;
        button.disabled = true;
        this.$emit("cancel", cell.id);
      });
    },
    remove(table, key) {
      table.rows.get(key)?.node.remove();
      table.rows.delete(key);
    },
    count(table) {
      return [...table.rows.values()].filter((row) => !row.leaving).length + table.waiting.size;
    },
    finish(table) {
      const count = this.count(table);
      table.empty.style.display = table.rows.size ? "none" : "";
      put(table.button.lastChild, table.tab.counted ? String(count) : "");
      this.showAll();
    },
    tick() {
      if (!this.held()) this.settle();
      for (const table of Object.values(this.tables)) {
        for (const row of table.rows.values()) {
          for (const { since } of row.cells) {
            if (since) put(since.span, `${since.text} ${Math.max(0, Math.round((Date.now() - since.at) / 1000))} s`);
          }
        }
      }
    },
  },
};
