"use strict";
// The page works without this. It adds one large key, marks the word that is being said, and begins at a word.
const sound = document.getElementById("sound");
const play = document.getElementById("play");
if (sound) {
  const words = [...document.querySelectorAll(".w")].map((one) => ({ one, at: +one.dataset.at, to: +one.dataset.to }));
  let now = null;
  document.querySelector(".leaf").classList.add("alive");
  play.hidden = false;
  play.addEventListener("click", () => (sound.paused ? sound.play() : sound.pause()));
  for (const name of ["play", "pause", "ended"]) {
    sound.addEventListener(name, () => play.setAttribute("aria-pressed", String(!sound.paused)));
  }
  const mark = () => {
    let low = 0;
    let high = words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (words[middle].at <= sound.currentTime) low = middle + 1;
      else high = middle;
    }
    const found = low ? words[low - 1] : null;
    const said = found && sound.currentTime <= found.to + 0.6 ? found.one : null;
    if (said !== now) {
      now?.classList.remove("now");
      said?.classList.add("now");
      now = said;
    }
    if (!sound.paused) requestAnimationFrame(mark);
  };
  for (const name of ["play", "seeked", "timeupdate"]) sound.addEventListener(name, mark);
  document.querySelector(".leaf").addEventListener("click", (event) => {
    const word = event.target.closest(".w:not(.blank)");
    if (!word || String(getSelection())) return;
    sound.currentTime = +word.dataset.at;
    sound.play();
  });
}
