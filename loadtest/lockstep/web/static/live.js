"use strict";
// The live page: asks for the state once a second and draws it. Its numbers come in words, ready to be read.

const EVERY_MS = 1000;
// A master that saves a cell of ten thousand connections may be busy for a moment.
const PATIENCE_MS = 8000;
const at = (id) => document.getElementById(id);

/** Whether anybody can see this page: it may stand in a tab that is not shown. */
function seen() {
  return !document.hidden && (window.frameElement === null || window.frameElement.offsetParent !== null);
}

function drawHeader(state) {
  const kinds = { plan: "Comparison plan", hand: "Manual run" };
  const run = state.run;
  say(at("run"), run === null ? "No run yet: start one on Locust's page." : `${kinds[run.kind]}, ${run.id}`);
  say(at("stage"), state.stage);
  say(at("failure"), state.failure ?? "");
  at("failure").hidden = state.failure === null;
}

function drawVerdict(state) {
  const finished = state.run !== null && state.run.finished;
  at("verdict").hidden = !finished;
  if (!finished) return;
  const [headline = "", ...others] = state.verdict.sentences;
  at("verdict").classList.toggle("doubtful", state.verdict.doubts.length > 0 || state.run.interrupted);
  const [title, early] = state.run.kind === "plan"
    ? ["Verdict", "the run was stopped before its plan was done"]
    : ["Outcome", "the run could not go on"];
  say(at("verdict-title"), state.run.interrupted ? `${title}: ${early}` : title);
  say(at("headline"), headline);
  keep(at("sentences"), others, () => make("li"), say);
  drawDoubts(state.verdict.doubts);
  at("gates-block").hidden = state.gates.length === 0;
  keep(at("gates"), state.gates, () => make("li"), say);
  drawReport(state);
}

/** Why there is no verdict: what is wrong, in which cells, and what to do about it. */
function drawDoubts(doubts) {
  keep(at("doubts"), doubts, () => {
    const doubt = make("div", "doubt");
    doubt.append(make("h3"), make("ul"), make("p"));
    return doubt;
  }, (doubt, { message, where, advice }) => {
    const [title, cells, remedy] = doubt.children;
    say(title, message);
    keep(cells, where, () => make("li"), say);
    cells.hidden = where.length === 0;
    say(remedy, `What to do: ${advice}`);
  });
}

function drawReport(state) {
  const place = at("report");
  const words = {
    none: "",
    making: "The report is being made.",
    failed: "The report could not be made: see the master's log.",
    text: "The report is summary.md in the run's folder; for one with charts: pip install 'locust-lockstep[report]'",
    ready: "Open the report (in a new tab)",
  }[state.report];
  if (place.textContent === words) return;
  place.replaceChildren(words);
  if (state.report !== "ready") return;
  const link = make("a", "", words);
  Object.assign(link, { href: state.report_href, target: "_blank", rel: "noopener" });
  place.replaceChildren(link);
}

/** What is empty before the first run and after the last is not shown then. */
function choose(state) {
  const goes = state.run !== null && !state.run.finished;
  const untold = state.run !== null && !state.told;
  document.body.classList.toggle("untold", untold);
  at("untold").hidden = !untold;
  at("plan").hidden = state.run === null || (state.plan === null && !goes);
  at("facts").hidden = at("modes-keys").hidden = !goes;
  at("figures-card").hidden = state.figures.rows.length === 0;
  at("clients").hidden = at("times").hidden = !goes && state.now === null;
  say(at("figures-title"), goes ? "Results so far" : "Results");
}

function drawPlan(state) {
  const { plan, run, cell, left } = state;
  const colours = Object.fromEntries(state.modes.map((row) => [row.mode, row.colour]));
  at("strip").hidden = plan === null;
  say(at("plan-title"), run === null || plan !== null ? "Plan" : "Manual run");
  say(at("plan-words"), plan?.words ?? (run === null ? "" : "One cell, until somebody presses Stop."));
  // Nobody knows how many cells a search will take.
  const of = (number) => (plan.total === null ? `${number}` : `${number} of ${plan.total}`);
  const done = plan === null ? NONE : `${of(plan.done)} done`;
  const repeats = plan?.total === null ? "" : ` of ${plan?.repeats}`;
  const numbered = plan === null ? cell?.name : `${of(cell?.number)}: ${cell?.name}, repeat ${cell?.repeat}${repeats}`;
  say(at("cell"), cell === null ? done : numbered);
  at("cell-left-pair").hidden = plan === null;
  say(at("cell-left"), cell?.left ?? NONE);
  say(at("left-title"), run !== null && plan === null ? "Running for" : "Left of the plan");
  say(at("left"), left ?? (plan === null && run?.running_for ? run.running_for : NONE));
  if (plan === null) return;
  at("strip").setAttribute("aria-valuemax", plan.total ?? plan.cells.length);
  at("strip").setAttribute("aria-valuenow", plan.done);
  at("strip").setAttribute("aria-valuetext", of(plan.done));
  const classes = { done: "done", "cut short": "cut", now: "now", "to come": "" };
  keep(at("strip"), plan.cells, () => make("i"), (piece, each) => {
    piece.className = classes[each.state];
    piece.title = `${each.name}: ${each.state}`;
    piece.style.setProperty("--mode", colours[each.mode]);
  });
}

function drawNow(state) {
  const now = state.now;
  say(at("now-words"), now === null ? "Nothing is answered now." : `${now.name}: the ${now.over}, warm-up included; times accurate to 6%`);
  for (const name of ["p50", "p90", "p99", "connections"]) say(at(name), String(now?.[name] ?? NONE));
  say(at("answered"), now?.answered_per_s ?? NONE);
  say(at("failed"), now?.failed_per_s ?? NONE);
  for (const spark of state.history) {
    say(at(`top-${spark.name}`), spark.peak);
    drawSpark(at(`spark-${spark.name}`), spark.values);
  }
}

function asParts(split) {
  return split.map((part) => ({ width: part.share, classes: part.pale ? "pale" : "", colour: part.colour }));
}

function drawSplit(state) {
  const now = state.now, split = now?.split ?? [];
  const unknown = state.server === "none" ? "The target reports no times." : "The server reports no times: start it with --timing.";
  const silent = now === null ? "Nothing is answered now." : unknown;
  say(at("split-words"), split.length ? `${now.name}: means of the ${now.over}` : silent);
  drawBar(at("split-bar"), asParts(split));
  keep(at("split"), split, () => {
    const pair = make("div"), name = make("dt");
    name.append(make("i"), make("span"));
    pair.append(name, make("dd"));
    return pair;
  }, (pair, part) => {
    const dot = pair.querySelector("i");
    dot.className = part.pale ? "pale" : "";
    dot.style.setProperty("--mode", part.colour);
    say(pair.querySelector("span"), part.name);
    say(pair.lastElementChild, `${part.words} (${part.percent})`);
  });
}

function drawModes(state) {
  const words = {
    known: "As the server counts them now.",
    unknown: "The server's admin port does not answer: its counts are unknown.",
    none: "The target has no admin port: its counts are unknown.",
  };
  say(at("server-words"), words[state.server]);
  const most = Math.max(1, ...state.modes.map((row) => Math.max(row.open ?? 0, (row.waiting ?? 0) + (row.in_service ?? 0))));
  const absent = state.server === "unknown" ? "unknown" : NONE;
  keep(at("modes"), state.modes, () => {
    const row = make("tr"), name = make("th", "left"), bars = make("td", "bars");
    name.scope = "row";
    name.append(make("span", "dot"), make("span"));
    bars.setAttribute("aria-hidden", "true");
    bars.append(make("div", "bar"));
    row.append(name, make("td"), make("td"), make("td"), bars);
    return row;
  }, (line, row) => {
    line.className = row.now ? "now" : "";
    line.style.setProperty("--mode", row.colour);
    say(line.querySelector("span:last-child"), row.now ? `${row.mode} (now)` : row.mode);
    ["open", "waiting", "in_service"].forEach((name, place) => say(line.children[place + 1], String(row[name] ?? absent)));
    const rest = Math.max(row.open - row.waiting - row.in_service, 0);
    drawBar(line.querySelector(".bar"), row.open === null ? [] : [
      { width: row.in_service / most, classes: "" },
      { width: row.waiting / most, classes: "pale" },
      { width: rest / most, classes: "rest" },
    ]);
  });
}

/** The heads of the report's columns, before the one of the bars; others than the last run's begin a new table. */
function drawHeads(heads) {
  const row = at("figures-heads");
  const shown = [...row.querySelectorAll("th")];
  if (shown.length === heads.length && shown.every((head, place) => head.textContent === heads[place])) return;
  shown.forEach((head) => head.remove());
  at("figures").replaceChildren();
  row.prepend(...heads.map((words, place) => {
    const head = make("th", place === 0 ? "left" : "", words);
    head.scope = "col";
    return head;
  }));
}

function drawFigures(state) {
  say(at("figures-words"), state.verdict.doubts.length
    ? "Figures may be missing or wrong: do not quote them."
    : "Of the cells that are done: medians over their repeats, warm-up left out.");
  const { heads, rows } = state.figures;
  drawHeads(heads);
  keep(at("figures"), rows, () => {
    const row = make("tr"), name = make("th", "left"), bars = make("td", "bars told");
    name.scope = "row";
    name.append(make("span", "dot"), make("span"));
    bars.setAttribute("aria-hidden", "true");
    bars.append(make("div", "bar"));
    row.append(name, ...heads.slice(1).map(() => make("td")), bars);
    return row;
  }, (line, row) => {
    const [series, ...others] = row.words;
    line.style.setProperty("--mode", row.colour);
    say(line.querySelector("span:last-child"), series);
    others.forEach((words, place) => say(line.children[place + 1], words));
    drawBar(line.querySelector(".bar"), asParts(row.split));
  });
}

/** Legends wear the colour of the mode under load, and a table that is cut at its side says so. */
function drawHints(state) {
  const colour = (state.modes.find((row) => row.now) ?? state.modes[0])?.colour;
  for (const keys of document.querySelectorAll(".keys")) if (colour) keys.style.setProperty("--mode", colour);
  for (const box of document.querySelectorAll(".scroll")) box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1);
}

function draw(state) {
  choose(state);
  drawHeader(state);
  drawVerdict(state);
  drawPlan(state);
  drawNow(state);
  drawSplit(state);
  drawModes(state);
  drawFigures(state);
  drawHints(state);
}

/** The state, or null where Locust wants a login first. */
async function ask() {
  const answer = await fetch("lockstep/state", { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.type === "opaqueredirect" || answer.status === 401) return null;
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

function complain(words) {
  say(at("lost"), words);
  at("lost").hidden = words === "";
}

async function redraw() {
  if (!seen()) return;
  let state;
  try {
    state = await ask();
  } catch {
    complain("The master does not answer. What is shown is old; trying again.");
    return;
  }
  complain(state === null ? "You are logged out: log in again on Locust's page." : "");
  if (state !== null) draw(state);
}

async function live() {
  const begun = performance.now();
  await redraw();
  setTimeout(live, Math.max(EVERY_MS - (performance.now() - begun), 100));
}

// In a tab of Locust's page the way back is the tab bar.
at("back").hidden = window.frameElement !== null;
document.addEventListener("visibilitychange", redraw);
live();
