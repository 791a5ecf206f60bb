// The strip at the foot of the ticket: free and locked of both assets, and what the account is worth.
import { el, put } from "numatix/index.js";

export default {
  props: { start: Object },
  render() {
    return Vue.h("div", { class: "summary", "data-testid": "summary" });
  },
  mounted() {
    const root = this.$el;
    root.append(el("span", "label", ""), el("span", "label", "free"), el("span", "label", "locked"));
    this.rows = [0, 1].map(() => {
      const cells = [el("span"), el("b"), el("b")];
      root.append(...cells);
      return cells;
    });
    const worth = root.appendChild(el("div", "worth"));
    this.worthWords = worth.appendChild(el("span", "", "Worth"));
    this.worth = worth.appendChild(el("b", "", "–"));
    this.show(this.start);
  },
  methods: {
    show(view) {
      view.rows.forEach((row, i) => row.forEach((text, j) => put(this.rows[i][j], text)));
      this.rows.forEach((cells, i) => (cells[0].dataset.asset = view.rows[i][0]));
      put(this.worth, view.worth);
      this.worth.title = view.note;
    },
  },
};
