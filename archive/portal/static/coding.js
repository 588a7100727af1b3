"use strict";
// The coding bench: several words are chosen at a time, marks are painted over them, and typing goes into the code.
// community.js plays, follows the sound and chooses one word; without any of this lists and forms still work.
const mark = document.getElementById("mark");
const said = document.getElementById("told");
let anchor = null;

const spanOf = () => {
  const all = words();
  const [one, two] = [all.indexOf(anchor), all.indexOf(chosen)].sort((a, b) => a - b);
  return one < 0 ? [] : all.slice(one, two + 1);
};

function paintChosen() {
  for (const word of document.querySelectorAll(".w.picked")) word.classList.remove("picked");
  const span = spanOf();
  for (const word of span) word.classList.add("picked");
  const line = document.getElementById("chosen-words");
  if (!span.length) return;
  mark.elements.start.value = span[0].dataset.s;
  mark.elements.end.value = Math.max(+span.at(-1).dataset.e, +span.at(-1).dataset.s + 1);
  const text = span.map((word) => word.textContent).join(" ");
  line.textContent = `“${text.length > 90 ? `${text.slice(0, 60)} … ${text.slice(-24)}` : text}”`;
}

function paintMarks() {
  for (const word of document.querySelectorAll(".w.marked, .w.others")) word.classList.remove("marked", "others");
  for (const [lines, name] of [[".mark-line", "marked"], [".other-line", "others"]]) {
    for (const line of document.querySelectorAll(lines)) {
      const [from, until] = [+line.dataset.s, +line.dataset.e];
      for (const word of words()) if (+word.dataset.s < until && from < Math.max(+word.dataset.e, +word.dataset.s + 1)) word.classList.add(name);
    }
  }
}

function begin_at(ms) {
  const there = words().find((word) => +word.dataset.s >= ms);
  if (!there) return;
  anchor = there;
  choose(there);
  paintChosen();
}

if (mark && said) {
  // These run after community.js has moved `chosen`.
  said.addEventListener("keydown", (event) => {
    if (event.target.closest(".at") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key.startsWith("Arrow")) {
      if (!event.shiftKey || !anchor) anchor = chosen;
      paintChosen();
    } else if (event.key === "Enter" && chosen) {
      mark.elements.name.focus();
      mark.elements.name.select();
    } else if (chosen && event.key.length === 1 && event.key !== " ") {
      mark.elements.name.value = "";
      mark.elements.name.focus();
      return; // the letter itself goes into the field
    } else return;
    event.preventDefault();
  });
  said.addEventListener("click", (event) => {
    const word = event.target.closest(".w");
    if (!word) return;
    if (!event.shiftKey || !anchor) anchor = word;
    paintChosen();
  });
  document.addEventListener("selectionchange", () => {
    const range = getSelection();
    if (range.isCollapsed || !said.contains(range.anchorNode) || !said.contains(range.focusNode)) return;
    const ends = [range.anchorNode, range.focusNode].map((node) => (node.closest ? node : node.parentElement).closest(".w"));
    if (!ends[0] || !ends[1]) return;
    [anchor, chosen] = ends;
    paintChosen();
  });
  mark.addEventListener("keydown", (event) => event.key === "Escape" && chosen && chosen.focus());
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.xhr.status !== 200) return;
    document.getElementById("trouble").textContent = "";
    paintMarks();
    if (event.detail.requestConfig.elt !== mark) return;
    mark.elements.name.value = "";
    mark.elements.memo.value = "";
    if (chosen) chosen.focus({ preventScroll: true });
  });
  document.addEventListener("click", (event) => {
    const at = event.target.closest("#layers .at");
    if (!at) return;
    hear(+at.dataset.start);
    begin_at(+at.dataset.start);
  });
  paintMarks();
  if (mark.dataset.at) begin_at(+mark.dataset.at);
}
