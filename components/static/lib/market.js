// The market that this page watches: one subscription for all widgets of the page, the newest state only.
//
// The server knows which market the page shows; the browser only says that it is (still) looking. Whatever comes
// replaces what was not drawn yet, so a slow browser falls behind by nothing but frames.

import { online } from "./dom.js";

const EVENT = "numatix:market";
const SILENCE_MS = 1800;
const QUIET_MS = 5000;
const KEPT_TRADES = 100;

const listeners = new Set();
const state = { book: null, trades: [], ticker: null, last: null, stale: false, ageMs: null, heardAt: 0, serverMs: 0, link: "waiting" };
let key = null;
let frame = 0;
let started = false;

/** Call `listener(state)` once a frame while something changes; returns the function that ends it. */
export function watchMarket(listener) {
  listeners.add(listener);
  start();
  if (state.book || state.ticker) listener(state);
  return () => listeners.delete(listener);
}

function start() {
  if (started) return;
  started = true;
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : join()));
  setInterval(judgeLink, 250);
  attach();
}

function attach() {
  if (!window.socket) return void setTimeout(attach, 10);
  window.socket.on(EVENT, (message) => take(message));
  window.socket.on("connect", () => join());
  window.socket.on("disconnect", () => judgeLink());
  if (window.socket.connected) join();
}

function join() {
  if (document.hidden) return;
  if (!online()) return void setTimeout(join, 20);
  window.socket.timeout(3000).emit(EVENT, { client_id: window.clientId, watch: true }, (error, snapshot) => {
    if (error || !snapshot) return void setTimeout(join, 400);
    key = snapshot.k;
    take(snapshot);
  });
}

function leave() {
  key = null;
  if (online()) window.socket.emit(EVENT, { client_id: window.clientId, watch: false });
}

function take(message) {
  if (message.k !== key) return;
  state.heardAt = performance.now();
  state.stale = message.s;
  state.ageMs = message.g;
  state.serverMs = message.n;
  if (message.b) state.book = { bids: message.b, asks: message.a };
  if (message.l) state.ticker = message.l;
  if (message.t && message.t.length) {
    const known = new Set(state.trades.slice(0, message.t.length + 20).map((trade) => trade[4]));
    const fresh = message.t.filter((trade) => !known.has(trade[4]));
    state.trades = fresh.concat(state.trades).slice(0, KEPT_TRADES);
  }
  // Every trade comes at once, the day's figures once a second: the newest trade is the last price.
  if (state.trades.length) state.last = state.trades[0][1];
  else if (state.ticker) state.last = state.ticker[0];
  judgeLink();
  draw();
}

function judgeLink() {
  if (document.hidden) return;
  const silent = performance.now() - state.heardAt > SILENCE_MS;
  const quiet = state.stale || state.ageMs > QUIET_MS;
  const link = !online() || (state.heardAt && silent) ? "lost" : state.heardAt === 0 ? "waiting" : quiet ? "stale" : "live";
  if (link === state.link && link !== "lost") return;
  state.link = link;
  document.documentElement.dataset.link = link;
  draw();
}

function draw() {
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    for (const listener of listeners) listener(state);
  });
}

/** Whether an order may be sent: the socket is up and the market is heard. */
export const linkUp = () => online() && state.link !== "lost";

/** The server's clock as this page knows it, in milliseconds: comparable there, whatever the browser's clock says. */
export const serverNow = () => Math.round(state.serverMs + performance.now() - state.heardAt);
