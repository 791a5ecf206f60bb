// Symbol, last price and the day's figures; the price is patched as it comes, at most once a frame.
import { el, figure, put, short, watchMarket } from "numatix/index.js";

const LINK_WORDS = { waiting: "Connecting", live: "Live", stale: "Market silent", lost: "Reconnecting" };

export default {
  props: { meta: Object },
  render() {
    return Vue.h("div", { class: "market-header" });
  },
  mounted() {
    const root = this.$el;
    this.price = root.appendChild(el("div", "last", "–"));
    this.price.setAttribute("data-testid", "last-price");
    this.change = this.pair(root, "24 h");
    this.high = this.pair(root, "high");
    this.low = this.pair(root, "low");
    this.volume = this.pair(root, "volume");
    root.appendChild(el("div", "spring"));
    this.link = root.appendChild(el("div", "link"));
    this.link.setAttribute("role", "status");
    this.link.append(el("i", "dot"), el("span", "", LINK_WORDS.waiting));
    this.titledAt = 0;
    this.before = null;
    this.stop = watchMarket((state) => this.show(state));
  },
  unmounted() {
    this.stop();
  },
  methods: {
    pair(root, label) {
      const box = root.appendChild(el("div", "pair"));
      const value = box.appendChild(el("b", "", "–"));
      box.appendChild(el("span", "label", label));
      return value;
    },
    show(state) {
      this.showLink(state);
      if (!state.ticker) return;
      const { pd, qd, base } = this.meta;
      const [, open, high, low, volume] = state.ticker;
      const { last } = state;
      const text = figure(last, pd);
      put(this.price, text);
      if (this.before !== null && last !== this.before) {
        this.price.className = `last ${last > this.before ? "buy" : "sell"}`;
      }
      this.before = last;
      const change = open ? ((last - open) / open) * 100 : 0;
      put(this.change, `${change >= 0 ? "+" : "−"}${Math.abs(change).toFixed(2)} %`);
      this.change.className = change >= 0 ? "buy" : "sell";
      put(this.high, figure(Math.max(high, last), pd));
      put(this.low, figure(Math.min(low, last), pd));
      put(this.volume, `${short(volume, qd)} ${base}`);
      this.title(text);
    },
    showLink(state) {
      let words = LINK_WORDS[state.link];
      if (state.link === "live" && state.ageMs !== null) words = `Live · ${(state.ageMs / 1000).toFixed(1)} s`;
      if (state.link === "stale" && state.ageMs !== null) words = `Market silent · ${Math.round(state.ageMs / 1000)} s`;
      this.link.dataset.link = state.link;
      put(this.link.lastChild, words);
    },
    title(text) {
      const now = performance.now();
      if (now - this.titledAt < 500) return;
      this.titledAt = now;
      document.title = `${text} ${this.meta.symbol}`;
    },
  },
};
