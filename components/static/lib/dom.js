// Small tools that the widgets' modules share: elements, figures and times as text.

export function el(tag, className = "", text = null) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== null) node.textContent = text;
  return node;
}

/** Change text only where it differs: an untouched text node costs no layout. */
export function put(node, text) {
  const child = node.firstChild;
  if (child === null) node.textContent = text;
  else if (child.data !== text) child.data = text;
}

export function group(plain) {
  const [whole, rest] = plain.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

/** An integer count of the smallest step as a plain decimal: plain(6421840, 2) is "64218.40". */
export function plain(units, decimals) {
  const sign = units < 0 ? "-" : "";
  let digits = Math.abs(units).toString();
  if (decimals === 0) return sign + digits;
  digits = digits.padStart(decimals + 1, "0");
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

export const figure = (units, decimals) => group(plain(units, decimals));

/** Six significant places at most, for sums that need no more: 11.472, 1,203.4, 48,210. */
export function short(units, decimals) {
  const value = units / 10 ** decimals;
  const places = value === 0 ? 0 : value >= 10000 ? 0 : value >= 1000 ? 1 : value >= 100 ? 2 : 3;
  return group(value.toFixed(places));
}

/** A row that opens its order by click and by Enter; a click that ends a selection of text does not count. */
export function opensOrder(row, open) {
  row.classList.add("opens");
  row.tabIndex = 0;
  row.title ||= "Show what happened to this order";
  row.addEventListener("click", () => { if (!String(getSelection())) open(); });
  row.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === row) open(); });
}

const two = (n) => String(n).padStart(2, "0");

export function clock(ms) {
  const t = new Date(ms);
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

export function day(ms) {
  const t = new Date(ms);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}

/** The time of day for today's events, with the date before it for older ones. */
export function when(ms) {
  return day(ms) === day(Date.now()) ? clock(ms) : `${day(ms).slice(5)} ${clock(ms)}`;
}

export const online = () => Boolean(window.socket?.connected && window.did_handshake);
