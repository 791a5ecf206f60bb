// The form for a venue's key. The secret leaves this page once and is taken out of it at the same moment.
import { el, online, put } from "numatix/index.js";

const FIELDS = [["label", "Name", "text"], ["api_key", "API key", "text"], ["secret", "Secret", "password"]];

export default {
  emits: ["add"],
  render() {
    return Vue.h("form", { class: "account-form", autocomplete: "off" });
  },
  mounted() {
    this.inputs = {};
    for (const [name, label, type] of FIELDS) {
      const box = this.$el.appendChild(el("div", "field"));
      const input = el("input");
      Object.assign(input, { type, name, id: `key-${name}`, required: true, maxLength: 200, autocomplete: "off", spellcheck: false });
      const caption = box.appendChild(el("label", "", label));
      caption.htmlFor = input.id;
      box.append(input);
      this.inputs[name] = input;
    }
    this.words = this.$el.appendChild(el("p", "words"));
    this.words.setAttribute("role", "status");
    this.button = this.$el.appendChild(el("button", "small add", "Test and add"));
    this.button.type = "submit";
    this.$el.addEventListener("submit", (event) => this.send(event));
  },
  methods: {
    send(event) {
      event.preventDefault();
      if (this.button.disabled || !online()) return;
      this.say("Asking the venue…", "");
      this.button.disabled = true;
      this.$emit("add", Object.fromEntries(FIELDS.map(([name]) => [name, this.inputs[name].value.trim()])));
      this.inputs.secret.value = "";
    },
    answer(trouble) {
      this.button.disabled = false;
      this.say(trouble ?? "Added: it can be chosen in the order ticket.", trouble ? "bad" : "good");
      if (!trouble) for (const input of Object.values(this.inputs)) input.value = "";
    },
    say(words, kind) {
      put(this.words, words);
      this.words.className = `words ${kind}`;
    },
  },
};
