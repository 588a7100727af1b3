"use strict";
// The page works without this: it adds one large key, words that follow the sound, and times that need no typing.
const sound = document.getElementById("sound");
const play = document.getElementById("play");
const said = [...document.querySelectorAll(".said")];
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

play.hidden = false;
play.addEventListener("click", () => (sound.paused ? sound.play() : sound.pause()));
for (const name of ["play", "pause", "ended"]) {
  sound.addEventListener(name, () => play.setAttribute("aria-pressed", String(!sound.paused)));
}
sound.addEventListener("timeupdate", () => {
  for (const one of said) {
    const on = !sound.paused && sound.currentTime >= +one.dataset.start && sound.currentTime <= +one.dataset.end;
    one.classList.toggle("on", on);
  }
});
for (const one of said) {
  one.querySelector(".at").addEventListener("click", () => {
    sound.currentTime = +one.dataset.start;
    sound.play();
  });
}
for (const now of document.querySelectorAll(".now")) {
  now.hidden = false;
  now.addEventListener("click", () => (document.getElementById(now.dataset.into).value = clock(sound.currentTime)));
}
