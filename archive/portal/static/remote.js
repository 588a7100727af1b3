"use strict";
// Presses go out as small forms, the state comes in as a stream. Without this the page works as plain forms.
const box = document.getElementById("box");
const words = JSON.parse(box.dataset.words);
const form = document.getElementById("keys");
const trouble = document.getElementById("trouble");
let face = JSON.parse(box.dataset.face);
let heard = Date.now();
let waiting = 0;

function say(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

function show() {
  const known = face.state in words ? face.state : "other";
  const now = face.still_there ? "still" : face.marked ? "marked" : face.live ? "live" : face.paused ? "paused" : known;
  const line = document.getElementById("now");
  if (line.textContent !== words[now]) line.textContent = words[now];
  document.getElementById("state").classList.toggle("live", face.live);
  let left = "";
  if (face.left !== null) left = face.left >= 90 ? words.minutes.replace("#", Math.round(face.left / 60)) : words.minute;
  else if (face.state === "agreement") left = words.people.replace("#", face.people);
  document.getElementById("left").textContent = left;
  const asks = document.getElementById("asks");
  if (asks.textContent !== face.asks) asks.textContent = face.asks;
  for (const key of form.querySelectorAll("button")) {
    key.disabled = !face.offers.includes(key.value);
    key.classList.toggle("on", key.value === `cue${face.playing}`);
  }
  // While somebody tells, no key changes its place: what does nothing just goes dark.
  document.getElementById("board").classList.toggle("talk", ["conversation", "recording"].includes(face.state));
  if (waiting && face.seen >= waiting) {
    waiting = 0;
    say("");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = event.submitter;
  key.classList.add("sent");
  const body = new URLSearchParams({ token: form.elements.token.value, press: key.value });
  try {
    const answer = await fetch("/remote/press", { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.status === 403) return location.reload();
    waiting = (await answer.json()).pressed;
    const mine = waiting;
    if (face.seen >= waiting) waiting = 0;
    setTimeout(() => waiting === mine && say(words.unheard), 1500);
  } catch {
    say(words.lost);
  } finally {
    setTimeout(() => key.classList.remove("sent"), 250);
  }
});

function listen() {
  const stream = new EventSource("/remote/events");
  stream.onmessage = (event) => {
    heard = Date.now();
    face = JSON.parse(event.data);
    if (!waiting) say("");
    show();
  };
  stream.addEventListener("ended", () => {
    stream.close();
    location.reload();
  });
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}
setInterval(() => Date.now() - heard > 12000 && say(words.lost), 3000);
show();
listen();
