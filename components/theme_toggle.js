// Dark or light: changes the page at once and says so to the server, which remembers it for the user.
const HALF_MOON = ["M12 3a9 9 0 1 0 0 18z", "M12 3a9 9 0 1 1 0 18"];

export default {
  emits: ["chosen"],
  render() {
    const paths = HALF_MOON.map((d, i) => Vue.h("path", { d, fill: i === 0 ? "currentColor" : "none" }));
    return Vue.h("button", { type: "button", class: "icon", title: "Dark or light", "aria-label": "Dark or light", onClick: this.flip },
      [Vue.h("svg", { viewBox: "0 0 24 24" }, paths)]);
  },
  methods: {
    flip() {
      const root = document.documentElement;
      const theme = root.dataset.theme === "dark" ? "light" : "dark";
      root.dataset.theme = theme;
      try {
        localStorage.setItem("numatix-theme", theme);
      } catch (error) {
        console.info("the theme cannot be kept in this browser", error);
      }
      this.$emit("chosen", theme);
    },
  },
};
