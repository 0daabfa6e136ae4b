// Finds examples by their words.
const field = document.querySelector("[data-example-filter]");
const examples = [...document.querySelectorAll("[data-example]")];
field.hidden = false;
field.querySelector("input").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of examples) {
    const text = one.textContent.toLowerCase();
    one.hidden = !wanted.every((word) => text.includes(word));
  }
});
