"use strict";
// Loaded by Locust's own page. Says what that page would swallow: why a start or an edit was refused, why a run
// could not go on, and what Reset and Edit do while a run goes on. It listens to the page's own requests.

(() => {
  const PLAN = "A comparison plan is under way, and sets the users itself: let it end, or press Stop.";
  const RESET = "Locust's tables and charts start over. The run, its figures and its report are not touched.";
  const SILENCE = "The master does not answer: is it still running?";
  const locusts = window.fetch.bind(window);
  let kind = "none";
  let failure = "";

  /** A box of words that screen readers read out; severe ones are red. */
  function makeAlert(words, severe) {
    const box = document.createElement("div");
    box.className = "lockstep-alert";
    box.setAttribute("role", severe ? "alert" : "status");
    const [ground, ink] = severe ? ["#fdeded", "#5f2120"] : ["#e5f6fd", "#014361"];
    Object.assign(box.style, {
      background: ground, color: ink, border: `1px solid ${ink}`, borderRadius: "4px", padding: ".7rem 1rem", boxSizing: "border-box",
      font: "400 .95rem/1.45 Roboto, Helvetica, Arial, sans-serif", display: "flex", gap: "1rem", alignItems: "start", justifyContent: "space-between",
    });
    const text = document.createElement("span");
    text.textContent = words;
    text.style.overflowWrap = "anywhere";
    box.append(text);
    return box;
  }

  /** At the foot of the page, over whatever is there, until somebody closes it. */
  function announce(words, severe) {
    withdraw();
    const box = makeAlert(words, severe);
    box.id = "lockstep-notice";
    Object.assign(box.style, { position: "fixed", left: "50%", bottom: "1rem", transform: "translateX(-50%)", width: "min(46rem, calc(100vw - 2rem))", zIndex: "1400" });
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    Object.assign(close.style, { font: "inherit", color: "inherit", background: "none", border: "1px solid", borderRadius: "4px", cursor: "pointer" });
    close.addEventListener("click", withdraw);
    box.append(close);
    document.body.append(box);
  }

  function withdraw() {
    document.getElementById("lockstep-notice")?.remove();
  }

  /** The form of the dialog that Edit opens; Locust closes it whatever the answer is. */
  function editForm() {
    const title = [...document.querySelectorAll("h2")].find((each) => each.textContent === "Edit running load test");
    return title?.parentElement.querySelector("form") ?? null;
  }

  /** Why a start request was refused; "" where it was not. */
  async function refusalOf(answer) {
    const told = await answer.clone().json().catch(() => null);
    if (told?.success) return "";
    return told?.message || `The master answered with status ${answer.status}: see its log.`;
  }

  async function swarm(asked) {
    const form = editForm();
    form?.querySelector(".lockstep-alert")?.remove();
    const answer = await locusts(...asked).catch(() => null);
    const refusal = answer === null ? SILENCE : await refusalOf(answer);
    if (refusal === "") {
      withdraw();
      failure = "";  // the next is of this run, be it in the same words
      return answer;
    }
    if (form?.isConnected) {
      const alert = makeAlert(refusal, true);
      form.append(alert);
      alert.scrollIntoView({ block: "nearest" });
      // An answer would close the dialog with all that was entered; without one it stays, to be corrected.
      return new Promise(() => {});
    }
    // The start form shows the message of such an answer itself.
    return Response.json({ success: false, message: refusal });
  }

  /** What every answer of the master says besides. */
  function heed(answer) {
    kind = answer.headers.get("Lockstep-Run") ?? kind;
    const told = decodeURIComponent(answer.headers.get("Lockstep-Failure") ?? "");
    if (told !== failure && told !== "") announce(`The run could not go on: ${told}`, true);
    failure = told;
    markEdit();
  }

  /** Locust's page asks no more once it has seen the state `stopping`, and would show that for ever. */
  async function keepAsking(answer) {
    const told = await answer.clone().json().catch(() => null);
    return told?.state === "stopping" ? Response.json({ ...told, state: "running" }) : answer;
  }

  window.fetch = async (...asked) => {
    const path = new URL(asked[0].url ?? asked[0], location.href).pathname;
    if (path.endsWith("/swarm")) return swarm(asked);
    const answer = await locusts(...asked);
    heed(answer);
    if (path.endsWith("/stats/requests") && answer.ok) return keepAsking(answer);
    if (path.endsWith("/stats/reset") && answer.ok && kind !== "none") announce(RESET, false);
    return answer;
  };

  function isEdit(button) {
    return button?.textContent === "Edit";
  }

  /** While a plan is under way Edit looks like what it is: of no use. It stays in reach, to say why. */
  function markEdit() {
    for (const button of [...document.querySelectorAll("button")].filter(isEdit)) {
      const useless = kind === "plan";
      if (useless === (button.getAttribute("aria-disabled") === "true")) continue;
      if (useless) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      button.style.opacity = useless ? "0.5" : "";
      button.title = useless ? PLAN : "";
    }
  }

  document.addEventListener("click", (event) => {
    requestAnimationFrame(markEdit);  // a phone has its buttons in a menu, which opens by a click
    if (kind !== "plan" || !isEdit(event.target.closest?.("button"))) return;
    event.stopPropagation();
    announce(PLAN, true);
  }, true);
})();
