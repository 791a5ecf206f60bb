// Hosts TradingView's chart, as lightweight-charts-python ships it, in a frame of its own: one page realm for each
// chart, so that its key handlers and body styles stay where they belong. Python builds it anew at every load.
import { clock, day, el, group, put, short } from "numatix/index.js";

const TIME_MARK = 3;
const NEAR_THE_START = 24;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export default {
  props: { meta: Object, src: String, timeframes: Array, timeframe: String },
  emits: ["ready", "timeframe", "older", "ack", "hidden"],
  render() {
    return Vue.h("div", { class: "chart" });
  },
  mounted() {
    this.handler = null;
    this.bars = [];
    this.lines = [];
    this.width = 0;
    this.build();
    // A phone's chart is born behind another tab: it takes its first view when it is first seen.
    this.seen = new ResizeObserver(() => {
      const width = this.frame.clientWidth;
      if (width && !this.width && this.bars.length) requestAnimationFrame(() => this.home());
      this.width = width;
    });
    this.seen.observe(this.$el);
    this.onHide = () => this.$emit("hidden", document.hidden);
    document.addEventListener("visibilitychange", this.onHide);
  },
  unmounted() {
    this.seen.disconnect();
    document.removeEventListener("visibilitychange", this.onHide);
  },
  methods: {
    build() {
      const root = this.$el;
      const head = root.appendChild(el("div", "head"));
      head.setAttribute("role", "tablist");
      this.tabs = this.timeframes.map((name) => {
        const tab = head.appendChild(el("button", "tab", name));
        tab.type = "button";
        tab.setAttribute("role", "tab");
        tab.setAttribute("aria-selected", String(name === this.timeframe));
        tab.addEventListener("click", () => this.choose(name));
        return tab;
      });
      const canvas = root.appendChild(el("div", "canvas"));
      canvas.appendChild(el("div", "skeleton"));
      canvas.appendChild(el("div", "trouble"));
      this.legend = canvas.appendChild(el("div", "legend"));
      this.legendParts = ["O", "H", "L", "C", "V", ""].map((name) => {
        const part = this.legend.appendChild(el("span", "", name ? `${name} ` : ""));
        return part.appendChild(el("b", "", ""));
      });
      this.legend.style.visibility = "hidden";
      head.appendChild(el("span", "spring"));
      const credit = head.appendChild(el("a", "credit", "Chart by TradingView"));
      Object.assign(credit, { href: "https://www.tradingview.com/", target: "_blank", rel: "noopener noreferrer" });
      this.frame = el("iframe");
      Object.assign(this.frame, { title: `${this.meta.symbol} chart`, src: this.src });
      this.frame.addEventListener("load", () => this.loaded());
      canvas.prepend(this.frame);
    },
    loaded() {
      this.handler = null;
      const inside = this.frame.contentWindow;
      inside.document.body.style.background = "transparent";
      for (const type of ["mousedown", "pointerdown"]) {
        inside.addEventListener(type, () => document.body.dispatchEvent(new MouseEvent(type, { bubbles: true })));
      }
      inside.addEventListener("keydown", (event) => {
        const { key, ctrlKey, metaKey, altKey, shiftKey, repeat } = event;
        window.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, metaKey, altKey, shiftKey, repeat, bubbles: true }));
      });
      this.lendFont(inside.document).then(() => this.$emit("ready", document.documentElement.dataset.theme));
    },
    /** The frame draws on a canvas: the typeface must be there before the first stroke. */
    async lendFont(inside) {
      const font = document.querySelector('link[rel="preload"][as="font"]');
      if (!font) return;
      const style = inside.createElement("style");
      style.textContent = `@font-face { font-family: "Inter"; src: url("${font.href}"); font-weight: 100 900; }`;
      inside.head.append(style);
      await Promise.race([inside.fonts.load("11px Inter"), new Promise((done) => setTimeout(done, 1500))]);
    },
    choose(name) {
      this.mark(name);
      this.$emit("timeframe", name);
    },
    mark(name) {
      this.tabs.forEach((tab) => tab.setAttribute("aria-selected", String(tab.textContent === name)));
    },
    /** Run what the Python package wrote inside the frame. */
    run(script) {
      this.frame.contentWindow.eval(script);
    },
    /** The chart `window[name]` stands: join it to the legend, the axes and the paging. */
    adopt(name) {
      this.handler = this.frame.contentWindow[name];
      const { chart } = this.handler;
      const scale = chart.timeScale();
      this.handler.volumeSeries.applyOptions({ lastValueVisible: false, priceLineVisible: false });
      chart.applyOptions({
        localization: {
          priceFormatter: (price) => group(price.toFixed(this.meta.pd)),
          timeFormatter: (time) => `${day(time * 1000)} ${clock(time * 1000).slice(0, 5)}`,
        },
        timeScale: { tickMarkFormatter: (time, type) => this.axisMark(time, type), rightOffset: 4 },
      });
      chart.subscribeCrosshairMove((move) => this.hover(move));
      scale.subscribeVisibleLogicalRangeChange((range) => {
        if (!range || range.from > NEAR_THE_START || this.asked || !this.more || !this.bars.length) return;
        this.asked = true;
        this.$emit("older", this.bars[0].time * 1000);
      });
    },
    axisMark(time, type) {
      const at = new Date(time * 1000);
      if (type >= TIME_MARK) return clock(time * 1000).slice(0, 5);
      return type === 0 ? String(at.getFullYear()) : type === 1 ? MONTHS[at.getMonth()] : String(at.getDate());
    },
    /** All bars as columns: {t: seconds, o, h, l, c, v}, with the colours of the volume. */
    history(columns, colours, more, keepView) {
      if (!this.handler) return;
      const scale = this.handler.chart.timeScale();
      const view = keepView ? scale.getVisibleLogicalRange() : null;
      const added = keepView && this.bars.length ? columns.t.indexOf(this.bars[0].time) : 0;
      this.colours = colours;
      this.more = more;
      this.asked = false;
      this.bars = columns.t.map((time, i) => ({
        time, open: columns.o[i], high: columns.h[i], low: columns.l[i], close: columns.c[i], volume: columns.v[i],
      }));
      this.handler.series.setData(this.bars);
      this.handler.volumeSeries.setData(this.bars.map((bar) => this.volume(bar)));
      if (view && added >= 0) scale.setVisibleLogicalRange({ from: view.from + added, to: view.to + added });
      else this.home();
      this.tell(this.bars.at(-1));
      this.$el.classList.add("drawn");
      this.$el.dataset.bars = String(this.bars.length);
    },
    home() {
      const shown = Math.max(40, Math.floor(this.frame.clientWidth / 7.5));
      const end = this.bars.length;
      this.handler.chart.timeScale().setVisibleLogicalRange({ from: end - shown, to: end + 4 });
    },
    volume(bar) {
      return { time: bar.time, value: bar.volume, color: bar.close >= bar.open ? this.colours.up : this.colours.down };
    },
    /** The forming bar, newest state only; answered so that the next may come. */
    update(time, open, high, low, close, volume) {
      const bar = { time, open, high, low, close, volume };
      const last = this.bars.at(-1);
      if (this.handler && last && time >= last.time) {
        if (time === last.time) this.bars[this.bars.length - 1] = bar;
        else this.bars.push(bar);
        this.handler.series.update(bar);
        this.handler.volumeSeries.update(this.volume(bar));
        if (!this.hovering) this.tell(bar);
        this.$el.dataset.close = String(close);
      }
      this.$emit("ack");
    },
    recolour(colours) {
      this.colours = colours;
      this.handler?.volumeSeries.setData(this.bars.map((bar) => this.volume(bar)));
    },
    /** The user's open orders: [price, words, colour]. */
    orders(orders) {
      if (!this.handler) return;
      for (const line of this.lines) this.handler.series.removePriceLine(line);
      this.lines = orders.map(([price, title, color]) =>
        this.handler.series.createPriceLine({ price, title, color, lineWidth: 1, lineStyle: 2, axisLabelVisible: true }));
      this.$el.dataset.orders = String(this.lines.length);
    },
    trouble(words) {
      if (words) this.$el.dataset.trouble = "yes";
      else delete this.$el.dataset.trouble;
      put(this.$el.querySelector(".trouble"), words ?? "");
    },
    hover(move) {
      const bar = move.time && move.seriesData.get(this.handler.series);
      this.hovering = Boolean(bar);
      if (!bar) return this.tell(this.bars.at(-1));
      const volume = move.seriesData.get(this.handler.volumeSeries);
      this.tell({ ...bar, volume: volume?.value ?? 0 });
    },
    tell(bar) {
      if (!bar) return;
      const { pd } = this.meta;
      const words = [bar.open, bar.high, bar.low, bar.close].map((price) => group(price.toFixed(pd)));
      words.push(short(bar.volume, 0));
      const change = bar.open ? ((bar.close - bar.open) / bar.open) * 100 : 0;
      words.push(`${change >= 0 ? "+" : "−"}${Math.abs(change).toFixed(2)} %`);
      const colour = bar.close >= bar.open ? "buy" : "sell";
      this.legendParts.forEach((part, i) => {
        put(part, words[i]);
        part.className = colour;
      });
      this.legend.style.visibility = "";
    },
  },
};
