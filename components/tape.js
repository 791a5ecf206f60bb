// The trades of the market, newest first. Rows never move while the pointer is over them.
import { clock, el, figure, put, watchMarket } from "numatix/index.js";

const ROW_PX = 18.5;

export default {
  props: { meta: Object },
  render() {
    return Vue.h("div", { class: "tape" });
  },
  mounted() {
    const root = this.$el;
    const head = root.appendChild(el("div", "book-row head-row label"));
    head.append(el("span", "", "Price"), el("span", "", "Quantity"), el("span", "", "Time"));
    this.list = root.appendChild(el("div", "side"));
    this.rows = [];
    this.state = null;
    this.held = false;
    this.list.addEventListener("pointerenter", () => (this.held = true));
    this.list.addEventListener("pointerleave", () => {
      this.held = false;
      if (this.state) this.show(this.state);
    });
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(root);
    this.fit();
    this.stop = watchMarket((state) => this.show(state));
  },
  unmounted() {
    this.stop();
    this.observer.disconnect();
  },
  methods: {
    fit() {
      const room = this.$el.clientHeight - 22 - 4;
      const count = Math.max(2, Math.min(100, Math.floor(room / ROW_PX)));
      this.$el.style.setProperty("--row", `${Math.max(ROW_PX, room / count)}px`);
      while (this.rows.length > count) this.rows.pop().node.remove();
      while (this.rows.length < count) {
        const node = el("div", "book-row");
        const price = node.appendChild(el("span", "", ""));
        const quantity = node.appendChild(el("span", "", ""));
        const time = node.appendChild(el("span", "dim", ""));
        this.list.append(node);
        this.rows.push({ node, price, quantity, time });
      }
      if (this.state) this.show(this.state);
    },
    show(state) {
      this.state = state;
      if (this.held) return;
      const { pd, qd } = this.meta;
      this.rows.forEach((row, i) => {
        const trade = state.trades[i];
        if (!trade) return;
        const [ms, price, quantity, buy] = trade;
        put(row.price, figure(price, pd));
        row.price.className = buy ? "buy" : "sell";
        put(row.quantity, figure(quantity, qd));
        put(row.time, clock(ms));
      });
    },
  },
};
