// The book: asks above, bids below, the spread row standing still between them.
// Rows are made once per height and patched; figures come as integers and become text here.
import { el, figure, plain, put, short, watchMarket } from "numatix/index.js";

const ROW_PX = 18.5;
const MOST_ROWS = 50;
const LEAST_SHARE = 0.0001;

export default {
  props: { meta: Object, own: Array },
  emits: ["pick"],
  render() {
    return Vue.h("div", { class: "book" });
  },
  mounted() {
    const root = this.$el;
    const head = root.appendChild(el("div", "book-row head-row label"));
    head.append(el("span", "", "Price"), el("span", "", "Quantity"), el("span", "", "Sum"));
    this.asks = root.appendChild(el("div", "side asks"));
    const middle = root.appendChild(el("div", "middle"));
    this.mid = middle.appendChild(el("b", "", "–"));
    this.spread = middle.appendChild(el("small", "mute", "spread –"));
    this.bids = root.appendChild(el("div", "side bids"));
    this.ownPrices = new Set();
    this.setOwn(this.own ?? []);
    this.rows = { ask: [], bid: [] };
    this.state = null;
    this.before = null;
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
      // Rows fill their side exactly: as many as fit, stretched by what is left over.
      const room = (this.$el.clientHeight - 22 - 32 - 4) / 2;
      const count = Math.max(3, Math.min(MOST_ROWS, Math.floor(room / ROW_PX)));
      this.$el.style.setProperty("--row", `${Math.max(ROW_PX, room / count)}px`);
      if (count === this.rows.ask.length) return;
      this.rows.ask = this.build(this.asks, count, "sell");
      this.rows.bid = this.build(this.bids, count, "buy");
      if (this.state) this.show(this.state);
    },
    build(side, count, colour) {
      side.replaceChildren();
      const rows = [];
      for (let i = 0; i < count; i++) {
        const node = el("button", "book-row");
        node.type = "button";
        node.tabIndex = -1;
        const bar = node.appendChild(el("i", `depth ${colour}`));
        const price = node.appendChild(el("span", colour, ""));
        const quantity = node.appendChild(el("span", "", ""));
        const sum = node.appendChild(el("span", "", ""));
        const row = { node, bar, price, quantity, sum, units: null };
        node.addEventListener("pointerdown", (event) => {
          if (event.button === 0 && row.units !== null) this.$emit("pick", plain(row.units, this.meta.pd));
        });
        rows.push(row);
      }
      // The best ask stands lowest: the nearest row to the spread is the first level.
      side.append(...(colour === "sell" ? [...rows].reverse() : rows).map((row) => row.node));
      return rows;
    },
    setOwn(prices) {
      this.ownPrices = new Set(prices);
      if (this.state) this.show(this.state);
    },
    show(state) {
      this.state = state;
      if (!state.book) return;
      const most = Math.max(this.total(state.book.asks), this.total(state.book.bids), 1);
      this.fill(this.rows.ask, state.book.asks, most, "sell");
      this.fill(this.rows.bid, state.book.bids, most, "buy");
      this.showMiddle(state);
    },
    total(levels) {
      let sum = 0;
      const end = Math.min(levels.length, this.rows.ask.length * 2);
      for (let i = 1; i < end; i += 2) sum += levels[i];
      return sum;
    },
    fill(rows, levels, most, side) {
      const { pd, qd } = this.meta;
      let sum = 0;
      rows.forEach((row, i) => {
        const known = i * 2 < levels.length;
        row.units = known ? levels[i * 2] : null;
        sum += known ? levels[i * 2 + 1] : 0;
        put(row.price, known ? figure(row.units, pd) : "");
        put(row.quantity, known ? figure(levels[i * 2 + 1], qd) : "");
        put(row.sum, known ? short(sum, qd) : "");
        row.bar.style.transform = `scaleX(${known ? (sum / most).toFixed(4) : 0})`;
        row.node.classList.toggle("own", known && this.ownPrices.has(`${side} ${row.units}`));
      });
    },
    showMiddle(state) {
      const { bids, asks } = state.book;
      const { pd } = this.meta;
      const { last } = state;
      if (last !== null) {
        put(this.mid, figure(last, pd));
        if (this.before !== null && last !== this.before) this.mid.className = last > this.before ? "buy" : "sell";
        this.before = last;
      }
      if (!bids.length || !asks.length) return;
      const gap = asks[0] - bids[0];
      const share = (gap / asks[0]) * 100;
      put(this.spread, `spread ${figure(gap, pd)} · ${share > 0 && share < LEAST_SHARE ? `< ${LEAST_SHARE}` : share.toFixed(4)} %`);
    },
  },
};
