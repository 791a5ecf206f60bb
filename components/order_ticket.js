// The order ticket: fields and buttons. It shows what the server worked out and hands back raw text; it decides nothing.
//
// A field that is being typed in is never overwritten: each field carries a version that the server raises only when
// it changed the field by other means (a chip, the slider, a click in the book), and typing that the server has not
// seen yet wins over what it sends.
import { el, group, linkUp, put, serverNow, watchMarket } from "numatix/index.js";

const STEPS = [0, 25, 50, 75, 100];
const FIELDS = ["price", "quantity", "total"];
const SLOW_MS = 300;
const RECORDING = "Recording the order…";
const LOCKED = "Reconnecting: orders wait until the desk is heard again.";

export default {
  props: { meta: Object, start: Object },
  emits: ["edit", "choose", "chip", "percent", "press"],
  render() {
    return Vue.h("div", { class: "ticket" });
  },
  mounted() {
    this.seq = 0;
    this.view = null;
    this.applied = { price: -1, quantity: -1, total: -1 };
    this.pressedDraft = null;
    this.slow = null;
    this.recording = false;
    this.build();
    this.show(this.start);
    this.link = null;
    this.stop = watchMarket(() => this.watchLink());
  },
  unmounted() {
    this.stop();
    clearTimeout(this.slow);
  },
  methods: {
    build() {
      const root = this.$el;
      this.buildHead(root);
      const form = root.appendChild(el("form", "form"));
      form.setAttribute("autocomplete", "off");
      form.addEventListener("submit", (event) => event.preventDefault());
      form.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && event.target instanceof HTMLInputElement) this.press(event);
      });
      this.sides = this.buildSides(form);
      this.inputs = { price: this.buildField(form, "price", "Price", this.meta.quote) };
      this.buildChips(form);
      this.inputs.quantity = this.buildField(form, "quantity", "Quantity", this.meta.base);
      this.buildPercent(form);
      this.inputs.total = this.buildField(form, "total", "Total", this.meta.quote);
      this.buildForce(form);
      this.preview = form.appendChild(el("div", "preview"));
      this.buildFoot(root);
    },
    buildHead(root) {
      const head = root.appendChild(el("div", "head"));
      head.setAttribute("role", "tablist");
      this.types = {};
      for (const [type, words] of [["limit", "Limit"], ["market", "Market"]]) {
        const tab = head.appendChild(el("button", "tab", words));
        tab.type = "button";
        tab.setAttribute("role", "tab");
        tab.addEventListener("click", () => this.$emit("choose", "type", type));
        this.types[type] = tab;
      }
    },
    buildSides(form) {
      const seg = form.appendChild(el("div", "seg"));
      return Object.fromEntries([["buy", "Buy"], ["sell", "Sell"]].map(([side, words]) => {
        const button = seg.appendChild(el("button", "", words));
        button.type = "button";
        button.dataset.side = side;
        button.addEventListener("click", () => this.$emit("choose", "side", side));
        return [side, button];
      }));
    },
    buildField(form, name, label, unit) {
      const box = form.appendChild(el("div", "field"));
      const id = `${this.$el.id || "ticket"}-${name}`;
      const caption = box.appendChild(el("label", "", label));
      caption.htmlFor = id;
      const input = box.appendChild(el("input"));
      Object.assign(input, { id, type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false });
      input.setAttribute("data-testid", `ticket-${name}`);
      box.appendChild(el("em", "", unit));
      box.addEventListener("pointerdown", (event) => {
        if (event.target !== input) { event.preventDefault(); input.focus(); }
      });
      const field = { box, input, raw: "", sent: 0 };
      input.addEventListener("focus", () => { input.value = field.raw; input.select(); });
      input.addEventListener("blur", () => { input.value = this.shown(field.raw); });
      input.addEventListener("input", () => {
        field.raw = input.value.trim();
        field.sent = ++this.seq;
        this.$emit("edit", name, field.raw, this.seq);
      });
      return field;
    },
    buildChips(form) {
      const row = form.appendChild(el("div", "options chips"));
      this.chips = row;
      for (const [chip, words] of [["bid", "Bid"], ["mid", "Mid"], ["ask", "Ask"]]) {
        const button = row.appendChild(el("button", "chip", words));
        button.type = "button";
        button.addEventListener("click", () => this.$emit("chip", chip));
      }
      this.manual = row.appendChild(el("div", "manual-note"));
      this.manual.appendChild(el("span", "pill", "manual"));
      const reset = this.manual.appendChild(el("button", "", "reset to market"));
      reset.type = "button";
      reset.addEventListener("click", () => this.$emit("chip", "market"));
    },
    buildPercent(form) {
      const slider = form.appendChild(el("div", "percent"));
      Object.entries({ role: "slider", tabindex: "0", "aria-label": "Percent of what is free", "aria-valuemin": "0", "aria-valuemax": "100" })
        .forEach(([name, value]) => slider.setAttribute(name, value));
      this.done = slider.appendChild(el("i", "done"));
      this.stops = STEPS.map((step) => {
        const stop = slider.appendChild(el("i", "stop"));
        stop.style.left = `${step}%`;
        return stop;
      });
      this.thumb = slider.appendChild(el("i", "thumb"));
      this.slider = slider;
      const at = (event) => {
        const box = slider.getBoundingClientRect();
        const raw = Math.max(0, Math.min(100, ((event.clientX - box.left) / box.width) * 100));
        const near = STEPS.find((step) => Math.abs(step - raw) < 3);
        return near ?? Math.round(raw);
      };
      slider.addEventListener("pointerdown", (event) => {
        slider.setPointerCapture(event.pointerId);
        this.sliding = true;
        this.slide(at(event));
      });
      slider.addEventListener("pointermove", (event) => this.sliding && this.slide(at(event)));
      for (const end of ["pointerup", "pointercancel"]) slider.addEventListener(end, () => (this.sliding = false));
      slider.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5 }[event.key];
        if (by) { event.preventDefault(); this.slide(Math.max(0, Math.min(100, (this.view.percent ?? 0) + by))); }
      });
      const steps = form.appendChild(el("div", "steps"));
      for (const step of STEPS) {
        const button = steps.appendChild(el("button", "", `${step}%`));
        button.style.left = `${step}%`;
        button.type = "button";
        button.addEventListener("click", () => this.slide(step));
      }
    },
    slide(percent) {
      if (percent === this.lastPercent) return;
      this.lastPercent = percent;
      this.drawPercent(percent);
      this.$emit("percent", percent);
    },
    drawPercent(percent) {
      this.slider.classList.toggle("set", percent !== null);
      this.slider.setAttribute("aria-valuenow", String(percent ?? 0));
      this.done.style.width = `${percent ?? 0}%`;
      this.thumb.style.left = `${percent ?? 0}%`;
      STEPS.forEach((step, i) => this.stops[i].classList.toggle("on", percent !== null && step <= percent));
    },
    buildForce(form) {
      this.force = form.appendChild(el("div", "options"));
      this.forces = {};
      for (const [tif, words] of [["GTC", "GTC"], ["IOC", "IOC"], ["FOK", "FOK"], ["POST", "Post only"]]) {
        const button = this.force.appendChild(el("button", "chip", words));
        button.type = "button";
        button.addEventListener("click", () => this.$emit("choose", "force", tif));
        this.forces[tif] = button;
      }
    },
    buildFoot(root) {
      const foot = root.appendChild(el("div", "foot"));
      this.accountBox = foot.appendChild(el("div", "field account"));
      this.accountBox.appendChild(el("label", "", "Account"));
      this.account = this.accountBox.appendChild(el("select"));
      this.account.setAttribute("aria-label", "Account");
      this.account.addEventListener("change", () => this.$emit("choose", "account", this.account.value));
      this.reason = foot.appendChild(el("div", "reason"));
      this.reason.setAttribute("role", "status");
      this.reason.setAttribute("data-testid", "ticket-reason");
      this.go = foot.appendChild(el("button", "go"));
      this.go.type = "button";
      this.go.setAttribute("data-testid", "ticket-send");
      this.go.append(el("span", "", ""), el("span", "kbd", "⏎"));
      this.go.addEventListener("click", (event) => this.press(event));
    },
    /** Called by the server with everything that the ticket shows. */
    show(view) {
      this.view = view;
      for (const [type, tab] of Object.entries(this.types)) tab.setAttribute("aria-selected", String(type === view.type));
      for (const [side, button] of Object.entries(this.sides)) button.setAttribute("aria-pressed", String(side === view.side));
      for (const [force, button] of Object.entries(this.forces)) button.setAttribute("aria-pressed", String(force === view.force));
      for (const name of FIELDS) this.showField(name, view);
      const market = view.type === "market";
      this.inputs.price.input.readOnly = market;
      this.inputs.price.box.classList.toggle("off", market);
      this.inputs.price.box.classList.toggle("manual", view.manual && !market);
      for (const chip of this.chips.querySelectorAll(".chip")) chip.style.visibility = market ? "hidden" : "";
      this.manual.style.visibility = view.manual && !market ? "" : "hidden";
      this.force.style.visibility = market ? "hidden" : "";
      this.lastPercent = view.percent;
      if (!this.sliding) this.drawPercent(view.percent);
      this.showPreview(view.preview);
      this.showAccounts(view);
      this.showGo();
    },
    showField(name, view) {
      const field = this.inputs[name];
      const value = view[name];
      field.box.classList.toggle("wrong", view.wrong === name);
      if (view.seq < field.sent) return;
      if (document.activeElement === field.input && view.versions[name] === this.applied[name]) return;
      this.applied[name] = view.versions[name];
      field.raw = value;
      const text = document.activeElement === field.input ? value : this.shown(value);
      if (field.input.value !== text) field.input.value = text;
    },
    shown(raw) {
      return /^\d+(\.\d+)?$/.test(raw) ? group(raw) : raw;
    },
    showPreview(rows) {
      while (this.preview.children.length > rows.length * 2) this.preview.lastChild.remove();
      while (this.preview.children.length < rows.length * 2) this.preview.append(el("span"), el("b"));
      rows.forEach(([label, value], i) => {
        put(this.preview.children[i * 2], label);
        put(this.preview.children[i * 2 + 1], value);
      });
    },
    showAccounts(view) {
      this.accountBox.style.display = view.accounts.length > 1 ? "" : "none";
      const signature = JSON.stringify(view.accounts);
      if (signature !== this.accountSignature) {
        this.accountSignature = signature;
        this.account.replaceChildren(...view.accounts.map(([id, label]) => Object.assign(el("option", "", label), { value: id })));
      }
      this.account.value = view.account;
    },
    watchLink() {
      const up = linkUp();
      if (up !== this.link) { this.link = up; this.showGo(); }
    },
    showGo() {
      const { view } = this;
      const locked = this.link === false;
      put(this.go.firstChild, view.button);
      this.go.className = `go ${view.side}`;
      this.go.lastChild.style.display = view.can_send ? "" : "none";
      this.go.disabled = locked || this.recording || !view.can_send;
      put(this.reason, locked ? LOCKED : this.recording ? RECORDING : view.reason);
      this.reason.className = `reason ${locked ? "doubt" : this.recording ? "" : view.tone}`;
    },
    press(event) {
      event.preventDefault();
      const { view } = this;
      if (!linkUp() || this.go.disabled || this.pressedDraft === view.draft) return;
      this.pressedDraft = view.draft;
      this.slow = setTimeout(() => this.wait(true), SLOW_MS);
      const raw = Object.fromEntries(FIELDS.map((name) => [name, this.inputs[name].raw]));
      this.$emit("press", { stamp: serverNow(), draft: view.draft, side: view.side, type: view.type, force: view.force, master: view.master, seq: this.seq, ...raw });
    },
    /** The server did not take the press of this draft: it may be pressed again. */
    release() {
      this.pressedDraft = null;
      this.wait(false);
    },
    /** An answer that takes its time is waited for in sight; a quick one makes nothing flicker. */
    wait(recording) {
      clearTimeout(this.slow);
      this.recording = recording;
      this.showGo();
    },
  },
};
