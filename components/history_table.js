// A table that is read, not watched: rows once, with times as the browser's clock tells them.
import { day, el, opensOrder, when } from "numatix/index.js";

export default {
  props: { columns: Array, rows: Array, empty: String },
  emits: ["open"],
  render() {
    return Vue.h("div", { class: "scroll" });
  },
  mounted() {
    const table = this.$el.appendChild(el("table", "table cards"));
    const line = table.createTHead().insertRow();
    for (const [title, align] of this.columns) line.appendChild(el("th", align, title));
    const body = table.createTBody();
    for (const row of this.rows) {
      const node = body.insertRow();
      if (row.opens) opensOrder(node, () => this.$emit("open", row.opens));
      row.cells.forEach((cell, i) => {
        const [title, align] = this.columns[i];
        const td = node.appendChild(el("td", align));
        td.dataset.title = title;
        this.cell(td, cell);
      });
    }
    if (!this.rows.length) this.$el.appendChild(el("div", "empty", this.empty));
  },
  methods: {
    cell(td, cell) {
      if (typeof cell === "string") td.textContent = cell;
      else if (cell.time) td.textContent = `${day(cell.time)} ${when(cell.time).slice(-8)}`;
      else {
        td.appendChild(el("span", cell.kind ?? "", cell.text));
        if (cell.title) td.appendChild(el("div", "reason", cell.title));
      }
    },
  },
};
