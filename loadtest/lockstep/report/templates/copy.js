// Adds copy buttons. The page is whole without them.
for (const box of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  const text = () => box.tagName === "TABLE"
    ? [...box.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t")).join("\n")
    : box.textContent;
  button.onclick = () => navigator.clipboard.writeText(text()).then(
    () => { button.textContent = "Copied"; },
    () => { button.textContent = "Not allowed here: select the text"; },
  );
  const table = box.closest(".scroll");
  if (table) table.before(button);
  else box.after(button);
}
