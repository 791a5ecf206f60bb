// An order and everything that happened to it, newest at the foot; redrawn whole at each change, which is seldom.
import { clock, day, el } from "numatix/index.js";

const millis = (ms) => `${clock(ms)}.${String(ms % 1000).padStart(3, "0")}`;

export default {
  props: { view: Object },
  emits: ["leave"],
  render() {
    return Vue.h("div", { class: "order-drawer" });
  },
  mounted() {
    this.draw();
  },
  watch: {
    view() {
      this.draw();
    },
  },
  methods: {
    draw() {
      const foot = this.$el.querySelector(".lines");
      const atFoot = foot && foot.scrollHeight - foot.scrollTop - foot.clientHeight < 40;
      const top = foot?.scrollTop ?? 0;
      this.$el.replaceChildren(this.head(), this.facts(), this.lines(), this.exports());
      const lines = this.$el.querySelector(".lines");
      lines.scrollTop = atFoot ? lines.scrollHeight : top;
    },
    head() {
      const head = el("div", "drawer-head");
      const title = head.appendChild(el("h2", "", ""));
      title.append(el("span", this.view.side, this.view.title), el("span", `pill ${this.view.pill.kind}`, this.view.pill.words));
      const close = head.appendChild(el("button", "icon", "✕"));
      close.type = "button";
      close.setAttribute("aria-label", "Close");
      close.addEventListener("click", () => this.$emit("leave"));
      return head;
    },
    facts() {
      const list = el("dl", "facts");
      for (const [name, text] of this.view.facts) list.append(el("dt", "", name), el("dd", "", text));
      return list;
    },
    lines() {
      const list = el("ol", "lines");
      list.tabIndex = 0;
      list.setAttribute("aria-label", "Timeline");
      let shown = "";
      for (const line of this.view.lines) {
        const today = day(line.at);
        if (today !== shown) list.appendChild(el("li", "day", today));
        shown = today;
        list.appendChild(this.line(line));
      }
      return list;
    },
    line(line) {
      const item = el("li", `line ${line.kind}`.trim());
      const first = item.appendChild(el("div", "what"));
      first.append(el("b", "", line.event), el("span", "tag", line.source), el("span", "spring", ""), el("span", "after", line.after));
      const second = item.appendChild(el("div", "when"));
      second.append(el("span", "", millis(line.at)), el("span", "", line.status));
      if (line.hash) {
        const hash = second.appendChild(el("code", "", line.hash.slice(0, 10)));
        hash.title = `Hash of this line and all before it: ${line.hash}`;
      }
      for (const [name, text] of line.facts) {
        const fact = item.appendChild(el("div", "fact"));
        fact.append(el("span", "", name), el("span", "", text));
      }
      return item;
    },
    exports() {
      const foot = el("div", "drawer-foot");
      foot.appendChild(el("span", "dim", this.view.note));
      for (const [words, href] of this.view.exports) {
        const link = foot.appendChild(el("a", "small", words));
        link.href = href;
        link.setAttribute("download", "");
      }
      return foot;
    },
  },
};
