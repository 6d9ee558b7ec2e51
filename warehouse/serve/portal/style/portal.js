// What a page does more where a browser runs scripts: the figure of a point under the pointer, a map made larger, the rows of a long
// table looked for, and in a site of files search and charts as PNG.
// All of it is also on the page without this.
"use strict";

// -- the figure of a point in a chart or on a map

const bubble = document.createElement("p");
bubble.className = "bubble";
bubble.hidden = true;
bubble.setAttribute("aria-hidden", "true"); // the words of the chart and its table say the same to who does not see it
document.body.append(bubble);

for (const chart of document.querySelectorAll(".chart")) {
  chart.addEventListener("pointermove", (event) => {
    const point = event.target.closest("[data-tekst]");
    bubble.hidden = !point;
    if (!point) return;
    bubble.textContent = point.dataset.tekst;
    const left = Math.min(event.clientX + 12, document.documentElement.clientWidth - bubble.offsetWidth - 4);
    bubble.style.left = `${Math.max(4, left) + scrollX}px`;
    bubble.style.top = `${event.clientY + scrollY - bubble.offsetHeight - 8}px`;
  });
  chart.addEventListener("pointerleave", () => { bubble.hidden = true; });
}

// -- a map made larger, within a box that scrolls

const SIZES = [1, 1.6, 2.4, 3.6];

function zooming(map) {
  const svg = map.querySelector("svg");
  const box = Object.assign(document.createElement("div"), { className: "seen" });
  const tools = Object.assign(document.createElement("p"), { className: "zoom" });
  const button = (said, sign, step) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: sign });
    made.setAttribute("aria-label", said);
    made.addEventListener("click", () => to(at + step));
    tools.append(made);
    return made;
  };
  let at = 0;
  const smaller = button(map.dataset.smaller, "−", -1);
  const larger = button(map.dataset.larger, "+", 1);

  function to(step) {
    const high = box.offsetHeight;
    const middle = [(box.scrollLeft + box.clientWidth / 2) / svg.clientWidth, (box.scrollTop + high / 2) / svg.clientHeight];
    at = Math.max(0, Math.min(SIZES.length - 1, step));
    box.style.height = at ? `${high}px` : "";
    svg.style.width = at ? `${SIZES[at] * 100}%` : "";
    // Whoever uses a keyboard scrolls what can be scrolled.
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", map.querySelector("figcaption").textContent]]) {
      if (at) box.setAttribute(name, value); else box.removeAttribute(name);
    }
    box.scrollTo(middle[0] * svg.clientWidth - box.clientWidth / 2, middle[1] * svg.clientHeight - high / 2);
    // Not `disabled`: that takes the focus away from who presses the button.
    smaller.setAttribute("aria-disabled", String(at === 0));
    larger.setAttribute("aria-disabled", String(at === SIZES.length - 1));
  }

  svg.before(tools, box);
  box.append(svg);
  to(0);
}

for (const map of document.querySelectorAll(".chart.map[data-larger]")) zooming(map);

// -- a chart as PNG, made of its SVG, where no server draws it

async function saving(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * image.naturalWidth, 2 * image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const made = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
  const name = new URL(address, location).pathname.split("/").pop().replace(/svg$/, "png");
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(made), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

for (const button of document.querySelectorAll("[data-png]")) {
  button.parentElement.hidden = false;
  // A page that was opened from a disk may not make a picture of another file: then that file itself.
  button.addEventListener("click", () => saving(button.dataset.png).catch(() => { location.href = button.dataset.png; }));
}

// -- search where no server answers

const words = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().match(/[a-z0-9]+/g) || [];

// Whether two words are one letter apart: one too many, one too few, or another.
function near(one, two) {
  if (Math.abs(one.length - two.length) > 1) return false;
  let at = 0;
  while (at < one.length && one[at] === two[at]) at += 1;
  return one.slice(at + 1) === two.slice(at + 1) || one.slice(at + 1) === two.slice(at) || one.slice(at) === two.slice(at + 1);
}

function score(word, entry) {
  if (entry.names.includes(word)) return 4;
  if (word.length > 2 && entry.names.some((own) => own.startsWith(word) || (own.length > 3 && word.startsWith(own)))) return 3;
  if (entry.others.includes(word)) return 2;
  return word.length > 4 && entry.names.some((own) => near(word, own)) ? 1 : 0;
}

async function searching(form) {
  const list = document.getElementById("gevonden");
  const answer = await fetch(form.dataset.index);
  const { stop, entries } = await answer.json();
  const root = new URL(".", answer.url);
  const field = form.elements.q;

  const show = () => {
    const asked = words(field.value).filter((word) => !stop.includes(word));
    const found = entries
      .map((entry) => ({ entry, scores: asked.map((word) => score(word, entry)) }))
      .filter((hit) => hit.scores.some(Boolean))
      .map((hit) => ({ ...hit, many: hit.scores.filter(Boolean).length, sum: hit.scores.reduce((a, b) => a + b, 0) }))
      .sort((a, b) => b.many - a.many || b.sum - a.sum)
      .slice(0, 30);
    list.replaceChildren(...found.map(({ entry }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = new URL(entry.address, root);
      link.textContent = entry.title;
      const kind = document.createElement("small");
      kind.textContent = ` ${entry.kind}`;
      item.append(link, kind);
      return item;
    }));
    document.getElementById("niets").hidden = !asked.length || found.length > 0;
  };

  form.hidden = false;
  field.addEventListener("input", show);
  form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
  field.value = new URLSearchParams(location.search).get("q") || "";
  show();
}

const form = document.querySelector("form[data-index]");
if (form) searching(form);

// -- rows of a long table, as one types

const LONG = 12;

function filtering(box) {
  const rows = [...box.querySelectorAll("tbody tr")].map((row) => ({ row, own: words(row.textContent) }));
  if (rows.length < LONG) return;
  const label = Object.assign(document.createElement("label"), { className: "filter", textContent: box.dataset.filter });
  const field = Object.assign(document.createElement("input"), { type: "search" });
  const said = document.createElement("output"); // what changes in it is read out
  field.addEventListener("input", () => {
    const asked = words(field.value);
    let shown = 0;
    for (const { row, own } of rows) {
      row.hidden = !asked.every((word) => own.some((one) => one.startsWith(word)));
      shown += !row.hidden;
    }
    said.textContent = asked.length ? box.dataset.shown.replace("{shown}", shown).replace("{all}", rows.length) : "";
  });
  label.append(field);
  box.before(label, said);
}

for (const box of document.querySelectorAll(".scroll[data-filter]")) filtering(box);
