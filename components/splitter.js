// A handle between two panels: drags a CSS length on the desk, double-click puts it back, arrows move it by keyboard.
export default {
  props: { name: String, axis: String },
  emits: ["moved"],
  render() {
    return Vue.h("div", {
      class: `splitter ${this.axis}`, role: "separator", tabindex: 0, "data-splitter": this.name,
      "aria-label": `Resize ${this.name.replace("-", " ")}`,
      "aria-orientation": this.axis === "x" ? "vertical" : "horizontal",
    });
  },
  mounted() {
    const node = this.$el;
    this.desk = node.closest(".desk");
    node.addEventListener("pointerdown", (event) => this.grab(event));
    node.addEventListener("pointermove", (event) => this.drag(event));
    node.addEventListener("pointerup", () => this.drop());
    node.addEventListener("pointercancel", () => this.drop());
    node.addEventListener("dblclick", () => this.settle(null));
    node.addEventListener("keydown", (event) => this.step(event));
    this.held = null;
  },
  methods: {
    size() {
      const panel = this.panel();
      return this.axis === "x" ? panel.offsetWidth : panel.offsetHeight;
    },
    panel() {
      return this.desk.querySelector(`[data-sized-by="${this.name}"]`);
    },
    grab(event) {
      if (event.button !== 0) return;
      event.preventDefault();
      this.$el.setPointerCapture(event.pointerId);
      this.$el.classList.add("held");
      document.body.classList.add("dragging");
      this.held = { at: this.axis === "x" ? event.clientX : event.clientY, size: this.size(), moved: false };
    },
    drag(event) {
      if (!this.held) return;
      const now = this.axis === "x" ? event.clientX : event.clientY;
      if (Math.abs(now - this.held.at) > 2) this.held.moved = true;
      if (this.held.moved) this.apply(this.held.size + this.held.at - now);
    },
    drop() {
      if (!this.held) return;
      const moved = this.held.moved;
      this.held = null;
      this.$el.classList.remove("held");
      document.body.classList.remove("dragging");
      if (moved) this.settle(this.size());
    },
    step(event) {
      const [less, more] = this.axis === "x" ? ["ArrowRight", "ArrowLeft"] : ["ArrowDown", "ArrowUp"];
      if (event.key !== less && event.key !== more) return;
      event.preventDefault();
      this.settle(this.size() + (event.key === more ? 16 : -16));
    },
    apply(size) {
      if (size === null) this.desk.style.removeProperty(`--${this.name}`);
      else this.desk.style.setProperty(`--${this.name}`, `${Math.round(size)}px`);
    },
    settle(size) {
      this.apply(size);
      this.$emit("moved", size === null ? null : Math.round(this.size()));
    },
  },
};
