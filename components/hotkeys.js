// B, S, L and M anywhere but in a field; the chart's frame forwards its keys as the same event on the window.
const KEYS = { b: "buy", s: "sell", l: "limit", m: "market" };

const typing = (node) => node instanceof Element && node.closest("input, textarea, select, [contenteditable='true'], [role='dialog']");

export default {
  emits: ["pressed"],
  render() {
    return Vue.h("div", { style: "display:none" });
  },
  mounted() {
    this.listen = (event) => this.take(event);
    window.addEventListener("keydown", this.listen);
  },
  unmounted() {
    window.removeEventListener("keydown", this.listen);
  },
  methods: {
    take(event) {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      const meaning = KEYS[event.key.toLowerCase()];
      if (!meaning || document.querySelector(".q-dialog")) return;
      event.preventDefault();
      this.$emit("pressed", meaning);
    },
  },
};
