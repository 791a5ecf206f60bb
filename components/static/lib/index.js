export * from "./dom.js";
export * from "./market.js";
