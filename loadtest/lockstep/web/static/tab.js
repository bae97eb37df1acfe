"use strict";
// Loaded by Locust's own page. Shows the live page in the tab "Lockstep" of its tab bar, and a link to it where
// there is no tab bar yet. What it adds stands at the end of Locust's boxes: React neither moves nor removes it.

(() => {
  const TITLE = "Lockstep";
  const PAGE = "lockstep";

  const frame = document.createElement("iframe");
  Object.assign(frame, { id: "lockstep-live", src: PAGE, title: "Lockstep live", hidden: true });
  Object.assign(frame.style, { border: "0", width: "100%", display: "block", minHeight: "60vh" });
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument.documentElement;
    new ResizeObserver(() => { frame.style.height = `${inside.querySelector("main")?.offsetHeight ?? 0}px`; })
      .observe(frame.contentDocument.body);
    wearTheme();
  });

  const link = document.createElement("p");
  link.id = "lockstep-link";
  const anchor = document.createElement("a");
  Object.assign(anchor, { href: PAGE, textContent: "Lockstep live: the run as it goes, its verdict and its report" });
  anchor.style.color = "inherit";
  link.style.font = "400 1rem/1.5 Roboto, Helvetica, Arial, sans-serif";
  link.append(anchor);

  /** Locust's switch between light and dark is its own: the frame follows what is on the screen. */
  function wearTheme() {
    const [red = 255, green = 255, blue = 255] = (getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? []).map(Number);
    const theme = red + green + blue < 384 ? "dark" : "light";
    const inside = frame.contentDocument?.documentElement;
    if (inside && inside.dataset.theme !== theme) inside.dataset.theme = theme;
    link.style.color = theme === "dark" ? "#fff" : "#000";
  }

  function place() {
    const bar = document.querySelector('[role="tablist"]');
    const tab = [...(bar?.querySelectorAll('[role="tab"]') ?? [])].find((each) => each.textContent === TITLE);
    const box = bar?.closest(".MuiContainer-root");
    if (box && frame.parentElement !== box) box.append(frame);
    frame.hidden = tab?.getAttribute("aria-selected") !== "true";
    frame.style.display = frame.hidden ? "none" : "block";
    const form = bar ? null : document.querySelector("main form");
    if (form && link.parentElement !== form.parentElement) form.after(link);
    link.hidden = !form;
    wearTheme();
  }

  new MutationObserver(place).observe(document.getElementById("root"), {
    childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"],
  });
  place();
})();
