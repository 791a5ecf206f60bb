// The tabs at the foot of a phone: which one panel of the desk is shown.
const TABS = ["Chart", "Book", "Trade", "Orders", "Account"];

export default {
  data: () => ({ tab: "trade" }),
  render() {
    const button = (name) =>
      Vue.h("button", {
        type: "button", role: "tab", "aria-selected": String(this.tab === name.toLowerCase()),
        onClick: () => this.choose(name.toLowerCase()),
      }, name);
    return Vue.h("nav", { class: "card phone-tabs", role: "tablist" }, TABS.map(button));
  },
  mounted() {
    this.choose(this.tab);
  },
  methods: {
    choose(tab) {
      this.tab = tab;
      this.$el.closest(".desk").dataset.tab = tab;
      window.dispatchEvent(new Event("resize"));
    },
  },
};
