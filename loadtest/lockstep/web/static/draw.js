"use strict";
// Small drawing helpers of the live page. None of them reads anything but its arguments.

const NONE = "–";
const SVG = "http://www.w3.org/2000/svg";

// Browsers break lines behind hyphens.
const FLAG = /(?<![\w-])(--[a-z][\w-]*)/;

/** Set an element's words, only where they change: who listens to it hears no repetitions. Flags stay whole. */
function say(element, words) {
  if (element.textContent === words) return;
  const parts = `${words}`.split(FLAG);
  element.replaceChildren(...parts.map((part, place) => place % 2 ? make("span", "flag", part) : part));
}

/** An element with classes and words. */
function make(tag, classes = "", words = "") {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (words) element.textContent = words;
  return element;
}

/** As many children as rows: made once by `create`, brought up to date by `update(child, row)`. */
function keep(parent, rows, create, update) {
  while (parent.children.length > rows.length) parent.lastElementChild.remove();
  while (parent.children.length < rows.length) parent.append(create());
  rows.forEach((row, place) => update(parent.children[place], row));
}

/** A stacked bar of parts {width: 0 to 1, classes, colour}. */
function drawBar(bar, parts) {
  keep(bar, parts, () => make("i"), (piece, part) => {
    piece.className = part.classes;
    piece.style.width = `${100 * part.width}%`;
    if (part.colour) piece.style.setProperty("--mode", part.colour);
    else piece.style.removeProperty("--mode");
  });
}

/** A line through values, oldest first, from 0 to their maximum; null leaves a gap. */
function drawSpark(svg, values) {
  const top = Math.max(...values.map((value) => value ?? 0)) || 1;
  let pen = "M", line = "";
  values.forEach((value, place) => {
    if (value === null) { pen = "M"; return; }
    line += `${pen}${place} ${(20 - 19 * value / top).toFixed(2)}`;
    // A single point is a line of no length: its round cap is the dot.
    if (pen === "M") line += "h0";
    pen = "L";
  });
  svg.setAttribute("viewBox", `0 0 ${values.length - 1} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  const path = svg.firstElementChild ?? svg.appendChild(document.createElementNS(SVG, "path"));
  path.setAttribute("d", line);
}
