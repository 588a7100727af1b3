"use strict";
// The desk's story pages: words that follow the sound and lead to it, one word corrected, a span marked, a cut heard.
// Lists, decisions and accounts need none of this.
const sound = document.getElementById("sound");
const play = document.getElementById("play");
const told = document.getElementById("told");
const bar = document.getElementById("word");
const excerpt = document.getElementById("excerpt");
const clock = (ms) => `${Math.floor(ms / 60000)}:${((ms % 60000) / 1000).toFixed(1).padStart(4, "0")}`;
const words = () => [...document.querySelectorAll(".w")];
let chosen = null;
let stopAt = null;
let on = null;

function hear(ms, until = null) {
  if (!sound) return;
  stopAt = until;
  sound.currentTime = ms / 1000;
  start();
}

// A pause, or leaving the page, may come before the sound has begun: then it does not, and nothing is wrong.
function start() {
  sound.play().catch((error) => error.name === "AbortError" || Promise.reject(error));
}

function follow() {
  const at = sound.currentTime * 1000;
  if (stopAt !== null && at >= stopAt) {
    sound.pause();
    if (excerpt && stopAt === +excerpt.dataset.end) document.getElementById("heard-all").checked = true;
    stopAt = null;
  }
  const now = words().find((word) => at >= +word.dataset.s && at < +word.dataset.e) || null;
  if (now === on) return;
  if (on) on.classList.remove("now");
  if (now) now.classList.add("now");
  on = now;
  for (const line of document.querySelectorAll(".said.on")) line.classList.remove("on");
  const line = now && now.closest(".said");
  if (!line) return;
  line.classList.add("on");
  const box = line.getBoundingClientRect();
  if (!sound.paused && (box.bottom < 140 || box.top > innerHeight - 140) && !told.contains(document.activeElement)) {
    line.scrollIntoView({ block: "center" });
  }
}

function begin() {
  if (excerpt) return hear(+excerpt.dataset.start, +excerpt.dataset.end);
  stopAt = null;
  start();
}

if (sound) {
  play.hidden = false;
  play.addEventListener("click", () => (sound.paused ? begin() : sound.pause()));
  for (const name of ["play", "pause", "ended"]) {
    sound.addEventListener(name, () => play.setAttribute("aria-pressed", String(!sound.paused)));
  }
  // timeupdate comes four times a second, a word is shorter: while it sounds the page looks at every frame.
  const look = () => {
    follow();
    if (!sound.paused) requestAnimationFrame(look);
  };
  sound.addEventListener("play", look);
  sound.addEventListener("seeked", follow);
  sound.addEventListener("timeupdate", follow);
  const speeds = document.getElementById("speeds");
  if (speeds) {
    speeds.hidden = false;
    speeds.addEventListener("change", (event) => (sound.playbackRate = +event.target.value));
  }
}
if (excerpt) {
  const around = document.getElementById("with-context");
  around.hidden = false;
  const { start, end, context } = excerpt.dataset;
  around.addEventListener("click", () => hear(Math.max(0, +start - +context), +end + +context));
}

// One word is chosen at a time: by a click, or by the arrow keys.
function choose(word) {
  if (chosen) chosen.classList.remove("chosen");
  chosen = word;
  if (!word) return;
  word.classList.add("chosen");
  word.tabIndex = -1;
  word.focus({ preventScroll: false });
  if (bar && !bar.hidden) fill();
}

function fill() {
  const line = chosen.closest(".passage");
  const at = chosen.classList.contains("blank");
  bar.elements.passage.value = line.dataset.number;
  bar.elements.version.value = line.dataset.version;
  bar.elements.index.value = chosen.dataset.i;
  bar.elements.text.value = at ? "" : chosen.textContent;
  bar.elements.text.disabled = at;
  bar.setAttribute("hx-target", `#p${line.dataset.number}`);
  document.getElementById("word-at").textContent = `at ${clock(+chosen.dataset.s)}`;
}

function correct() {
  if (!bar || !chosen) return;
  bar.hidden = false;
  fill();
  bar.elements.text.focus();
  bar.elements.text.select();
}

function close() {
  bar.hidden = true;
  if (chosen) chosen.focus();
}

if (told) {
  told.addEventListener("click", (event) => {
    const at = event.target.closest(".at");
    if (at) return hear(+at.dataset.start);
    const word = event.target.closest(".w");
    if (!word) return;
    if (sound) sound.currentTime = +word.dataset.s / 1000;
    choose(word);
    if (bar && matchMedia("(pointer: coarse)").matches) {
      bar.hidden = false;
      fill();
    }
  });
  told.addEventListener("dblclick", (event) => event.target.closest(".w") && correct());
  told.addEventListener("keydown", (event) => {
    if (event.target.closest(".at") || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = words();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    const forwards = getComputedStyle(told).direction === "rtl" && event.key.match(/Left|Right/) ? -1 : 1;
    const place = chosen ? all.indexOf(chosen) : -1;
    if (step) choose(all[Math.min(all.length - 1, Math.max(0, place < 0 ? 0 : place + step * forwards))]);
    else if (event.key === " " && chosen) sound && sound.paused ? hear(+chosen.dataset.s) : sound && sound.pause();
    else if (event.key === "Enter" && chosen) correct();
    else return;
    event.preventDefault();
  });
}

if (bar) {
  const mark = (name) => {
    const into = document.getElementById(name);
    into.closest("details").open = true;
    into.value = clock(+(name === "from" ? chosen.dataset.s : chosen.dataset.e));
    const [from, until] = [document.getElementById("from").value, document.getElementById("until").value];
    document.getElementById("trouble").textContent = "";
    const said = document.createElement("p");
    said.className = "notice soft";
    said.textContent = `Span to blank out: ${from || "…"} to ${until || "…"}`;
    document.getElementById("trouble").append(said);
  };
  document.getElementById("hear-word").addEventListener("click", () => hear(Math.max(0, +chosen.dataset.s - 700), +chosen.dataset.e + 700));
  document.getElementById("mark-from").addEventListener("click", () => mark("from"));
  document.getElementById("mark-until").addEventListener("click", () => mark("until"));
  document.getElementById("word-close").addEventListener("click", close);
  bar.addEventListener("keydown", (event) => event.key === "Escape" && close());
  let place = null;
  bar.addEventListener("htmx:configRequest", () => (place = [bar.elements.passage.value, +bar.elements.index.value]));
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.xhr.status !== 200 || place === null) return;
    document.getElementById("trouble").textContent = "";
    const line = document.getElementById(`p${place[0]}`);
    const there = line.querySelectorAll(".w");
    bar.hidden = true;
    chosen = null;
    choose(there[Math.min(place[1], there.length - 1)] || null);
    const version = document.getElementById("words-version");
    if (version) {
      const lines = [...document.querySelectorAll("#told .passage")];
      version.value = lines.map((one) => `${one.dataset.number}-${one.dataset.version}`).join(".");
    }
  });
}

const cut = document.getElementById("cut");
if (cut && told) {
  cut.addEventListener("click", () => chosen && (cut.href = `${cut.pathname}?from=${chosen.dataset.s}`));
}

// A search leads to a moment: the sound stands there, and its word is chosen.
const moment = /^#at=(\d{1,9})$/.exec(location.hash);
if (moment && told) {
  const at = +moment[1];
  const word = words().find((one) => +one.dataset.e > at);
  if (sound) sound.currentTime = at / 1000;
  if (word) {
    word.scrollIntoView({ block: "center" });
    choose(word);
  }
}
